-- Tenants, members, keys, and the procedure that puts a table under row-level security.
-- Roles groundswell_app and groundswell_system exist already (the launcher or the operator makes them).

create schema app;
grant usage on schema app to groundswell_app, groundswell_system;
grant usage on schema public to groundswell_app, groundswell_system;
revoke create on schema public from public;

-- A temporary table of the app's could stand in front of ours inside a SECURITY DEFINER function.
do $$ begin
  execute format('revoke temporary on database %I from public', current_database());
end $$;

-- The whole rule of tenancy in one place; tests/test_catalogue.py checks that every table obeys.
create procedure app.protect(t regclass, app_rights text default 'select, insert, update, delete')
language plpgsql as $$
begin
  execute format('alter table %s enable row level security', t);
  execute format('alter table %s force row level security', t);
  execute format(
    'create policy tenant on %s using (tenant_id = (select nullif(current_setting(''app.current_tenant_id'', true), '''')::uuid)) '
    'with check (tenant_id = (select nullif(current_setting(''app.current_tenant_id'', true), '''')::uuid))', t);
  execute format('create policy across_tenants on %s to groundswell_system using (true) with check (true)', t);
  execute format('grant %s on %s to groundswell_app', app_rights, t);
  execute format('grant select, insert, update, delete on %s to groundswell_system', t);
end $$;

create table tenants (
  tenant_id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  name text not null check (length(name) between 1 and 120),
  currency text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  timezone text not null default 'UTC',
  status text not null default 'active' check (status in ('active', 'suspended')),
  activation_event text not null default 'Profile Completed',
  order_source text not null default 'default',
  trusts_publishable boolean not null default false,
  brand text not null default '#3b5bdb' check (brand ~ '^#[0-9a-f]{6}$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
call app.protect('tenants', 'select, update');

-- Orders keep their value in the tenant's currency; another currency would falsify every sum.
create function app.keep_currency() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
  if exists (select from orders where tenant_id = old.tenant_id) then
    raise exception 'orders are counted in %', old.currency using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger keep_currency before update of currency on tenants for each row
  when (old.currency is distinct from new.currency) execute function app.keep_currency();

-- Members sign in to the dashboard and may belong to many tenants: global, seen by the system role only.
create table members (
  member_id uuid primary key,
  email text not null unique check (email = lower(email) and length(email) <= 254),
  name text not null default '',
  password_hash text,
  created_at timestamptz not null default now(),
  password_changed_at timestamptz not null default now(),
  last_sign_in_at timestamptz
);
create table sessions (
  session_id uuid primary key,
  token_hash bytea not null unique,
  member_id uuid not null references members on delete cascade,
  tenant_id uuid references tenants on delete set null,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  address text not null default '',
  user_agent text not null default ''
);
create index sessions_member on sessions (member_id);
create index sessions_expiry on sessions (expires_at);

grant select, insert, update, delete on members, sessions to groundswell_system;

create table memberships (
  tenant_id uuid not null references tenants on delete cascade,
  member_id uuid not null references members on delete cascade,
  role text not null check (role in ('owner', 'admin', 'editor', 'analyst', 'viewer')),
  created_at timestamptz not null default now(),
  accepted_at timestamptz default now(),
  primary key (tenant_id, member_id)
);
create index memberships_member on memberships (member_id);
call app.protect('memberships');

-- One-time links: by an invitation somebody who was added accepts (memberships.accepted_at is null
-- until then) and sets a first password; by a reset who forgot theirs sets another. An invitation
-- opens its own tenant and no other: two tenants may add one address, and signing up proves none.
create table password_links (
  token_hash bytea primary key,
  tenant_id uuid,
  member_id uuid not null references members on delete cascade,
  purpose text not null check (purpose in ('invitation', 'reset')),
  expires_at timestamptz not null,
  check ((purpose = 'invitation') = (tenant_id is not null)),
  unique nulls not distinct (tenant_id, member_id),
  foreign key (tenant_id, member_id) references memberships on delete cascade
);
grant select, insert, update, delete on password_links to groundswell_system;

create table api_keys (
  tenant_id uuid not null references tenants on delete cascade,
  key_id uuid not null,
  kind text not null check (kind in ('secret', 'publishable')),
  name text not null,
  prefix text not null,
  secret_hash bytea not null,
  scopes text[] not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  replaced_by uuid,
  primary key (tenant_id, key_id),
  unique (tenant_id, secret_hash)
);
call app.protect('api_keys');

-- Secrets of a tenant (customer token signing, …), encrypted with its key under the master key.
create table tenant_secrets (
  tenant_id uuid not null references tenants on delete cascade,
  name text not null,
  value bytea not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, name)
);
call app.protect('tenant_secrets');

-- The number of the directory (tenants and keys) that web processes hold in memory.
create table directory_version (only_row boolean primary key default true check (only_row), version bigint not null);
insert into directory_version values (true, 1);
grant select on directory_version to groundswell_system;
create function app.bump_directory() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
begin
  update directory_version set version = version + 1;
  perform pg_notify('directory', '');
  return null;
end $$;
create trigger directory_tenants after insert or update or delete on tenants
  for each statement execute function app.bump_directory();
create trigger directory_keys after insert or delete or update of scopes, expires_at, revoked_at, secret_hash on api_keys
  for each statement execute function app.bump_directory();
