-- People. Each distinct id is born with a person and a key of its own and keeps the key for ever;
-- a merge only re-points ids, so taking it back is exact in any order.

create sequence person_key_sequence;
grant usage on sequence person_key_sequence to groundswell_app, groundswell_system;

-- merged_into makes a forest: a root is a person one sees, properties are those it shows.
-- own_properties is the layer set on this person while others are merged into it (null: none are),
-- hidden_properties the inherited names unset since.
create table people (
  tenant_id uuid not null references tenants on delete cascade,
  person_id uuid not null,
  person_key bigint not null,
  properties jsonb not null default '{}',
  own_properties jsonb,
  hidden_properties text[] not null default '{}',
  email text collate "C" generated always as (left(lower(properties ->> 'email'), 254)) stored,
  name text generated always as (left(properties ->> 'name', 200)) stored,
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

-- person_id is the root of born_person_id. is_vouched: a trusted caller sold to this very id, so
-- a browser's word alone no longer moves it to somebody else.
create table distinct_ids (
  tenant_id uuid not null references tenants on delete cascade,
  distinct_id text collate "C" not null check (length(distinct_id) between 1 and 400),
  own_key bigint not null,
  person_id uuid not null,
  born_person_id uuid not null,
  is_anonymous boolean not null default true,
  is_vouched boolean not null default false,
  first_seen_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, distinct_id),
  unique (tenant_id, own_key),
  foreign key (tenant_id, person_id) references people (tenant_id, person_id) on delete cascade
);
call app.protect('distinct_ids');
create index distinct_ids_person on distinct_ids (tenant_id, person_id);
create index distinct_ids_born on distinct_ids (tenant_id, born_person_id);

create table merges (
  tenant_id uuid not null references tenants on delete cascade,
  merge_id uuid not null,
  winner_id uuid not null,
  loser_id uuid not null,
  reason text not null,
  actor_kind text not null,
  actor_id text not null,
  merged_at timestamptz not null default clock_timestamp(),
  undone_at timestamptz,
  primary key (tenant_id, merge_id)
);
call app.protect('merges');
create index merges_winner on merges (tenant_id, winner_id, merged_at desc);
create index merges_loser on merges (tenant_id, loser_id, merged_at desc);
create unique index merges_standing on merges (tenant_id, loser_id) where undone_at is null;
