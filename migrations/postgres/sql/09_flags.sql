-- Feature flags. A flag is kept whole (content) with its history; processes hold all of them in
-- memory and read what has a higher revision than they have seen.

create table flags_version (only_row boolean primary key default true check (only_row), version bigint not null);
insert into flags_version values (true, 1);
grant select on flags_version to groundswell_system;

-- The row lock on flags_version lasts until commit, so that revisions appear in their order:
-- who has read revision 7 never misses a 6 that commits later.
create function app.stamp_flags() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
begin
  update flags_version set version = version + 1 returning version into new.revision;
  return new;
end $$;

create table flags (
  tenant_id uuid not null references tenants on delete cascade,
  flag_id uuid not null,
  key text not null check (length(key) between 1 and 120),
  number int not null,
  version int not null,
  content jsonb not null,
  archived boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  revision bigint not null,
  primary key (tenant_id, flag_id),
  unique (tenant_id, key),
  unique (tenant_id, number)
);
call app.protect('flags', 'select, insert, update');
create index flags_revision on flags (revision);
create trigger flags_stamp before insert or update on flags
  for each row execute function app.stamp_flags();

create table flag_versions (
  tenant_id uuid not null references tenants on delete cascade,
  flag_id uuid not null,
  version int not null,
  content jsonb not null,
  note text not null default '',
  actor_kind text not null,
  actor_id text not null,
  actor_label text not null default '',
  at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, flag_id, version),
  foreign key (tenant_id, flag_id) references flags on delete cascade
);
call app.protect('flag_versions', 'select, insert');

-- The stages of a workspace, where they differ from production, staging and development as they
-- come: more of them, other names, an approval needed.
create table flag_environments (
  tenant_id uuid not null references tenants on delete cascade,
  environment text not null check (environment ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  name text not null check (length(name) between 1 and 80),
  needs_approval boolean not null default false,
  created_at timestamptz not null default now(),
  primary key (tenant_id, environment)
);
call app.protect('flag_environments');

-- The environment of an API key that is not for production.
create table flag_keys (
  tenant_id uuid not null references tenants on delete cascade,
  key_id uuid not null,
  environment text not null,
  revision bigint not null,
  primary key (tenant_id, key_id),
  foreign key (tenant_id, key_id) references api_keys on delete cascade
);
call app.protect('flag_keys', 'select, insert, update');
create index flag_keys_revision on flag_keys (revision);
create trigger flag_keys_stamp before insert or update on flag_keys
  for each row execute function app.stamp_flags();

create table flag_schedules (
  tenant_id uuid not null references tenants on delete cascade,
  schedule_id uuid not null,
  flag_id uuid not null,
  environment text not null,
  at timestamptz not null,
  enabled boolean,
  rollout double precision check (rollout between 0 and 100),
  created_by text not null,
  created_at timestamptz not null default now(),
  done_at timestamptz,
  problem text not null default '',
  primary key (tenant_id, schedule_id),
  foreign key (tenant_id, flag_id) references flags on delete cascade
);
call app.protect('flag_schedules');
create index flag_schedules_due on flag_schedules (tenant_id, at) where done_at is null;
create index flag_schedules_flag on flag_schedules (tenant_id, flag_id);

create table flag_approvals (
  tenant_id uuid not null references tenants on delete cascade,
  approval_id uuid not null,
  flag_id uuid not null,
  base int not null,
  content jsonb not null,
  note text not null default '',
  status text not null default 'open' check (status in ('open', 'approved', 'rejected', 'outdated')),
  proposed_by text not null,
  proposed_label text not null default '',
  proposed_at timestamptz not null default clock_timestamp(),
  decided_by text not null default '',
  decided_at timestamptz,
  primary key (tenant_id, approval_id),
  foreign key (tenant_id, flag_id) references flags on delete cascade
);
call app.protect('flag_approvals', 'select, insert, update');
create index flag_approvals_open on flag_approvals (tenant_id, proposed_at) where status = 'open';
create index flag_approvals_flag on flag_approvals (tenant_id, flag_id);
