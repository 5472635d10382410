-- People. Each distinct id keeps the key it was born with; a merge only re-points it.

create sequence person_key_sequence;
grant usage on sequence person_key_sequence to groundswell_app, groundswell_system;

create table people (
  tenant_id uuid not null references tenants on delete cascade,
  person_id uuid not null,
  person_key bigint not null,
  properties jsonb not null default '{}',
  email text generated always as (lower(properties ->> 'email')) stored,
  name text generated always as (properties ->> 'name') stored,
  is_identified boolean not null default false,
  merged_into uuid,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  primary key (tenant_id, person_id),
  unique (tenant_id, person_key),
  foreign key (tenant_id, merged_into) references people (tenant_id, person_id)
);
call app.protect('people');
create index people_email on people (tenant_id, email) where email is not null;
create index people_last_seen on people (tenant_id, last_seen_at desc, person_id desc) where merged_into is null;
create index people_merged on people (tenant_id, merged_into) where merged_into is not null;

create table distinct_ids (
  tenant_id uuid not null references tenants on delete cascade,
  distinct_id text not null check (length(distinct_id) between 1 and 400),
  own_key bigint not null,
  person_id uuid not null,
  born_person_id uuid not null,
  is_anonymous boolean not null default true,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, distinct_id),
  unique (tenant_id, own_key),
  foreign key (tenant_id, person_id) references people (tenant_id, person_id) on delete cascade
);
call app.protect('distinct_ids');
create index distinct_ids_person on distinct_ids (tenant_id, person_id);

create table merges (
  tenant_id uuid not null references tenants on delete cascade,
  merge_id uuid not null,
  winner_id uuid not null,
  loser_id uuid not null,
  reason text not null,
  actor_kind text not null,
  actor_id text not null,
  moved_distinct_ids text[] not null,
  winner_properties jsonb not null,
  loser_properties jsonb not null,
  merged_at timestamptz not null default clock_timestamp(),
  undone_at timestamptz,
  primary key (tenant_id, merge_id)
);
call app.protect('merges');
create index merges_winner on merges (tenant_id, winner_id, merged_at desc);
create index merges_loser on merges (tenant_id, loser_id, merged_at desc);
