-- What capture refused, counted by hour and reason, with the latest sample.

create table refused_events (
  tenant_id uuid not null references tenants on delete cascade,
  hour timestamptz not null,
  reason text not null,
  field text not null,
  source text not null,
  count bigint not null,
  last_at timestamptz not null,
  sample text not null default '',
  primary key (tenant_id, hour, reason, field, source)
);
call app.protect('refused_events', 'select');

-- The range of the ingest log each writer is working on, fixed before it is stored.
create table ingest_ranges (
  shard text primary key,
  first_id text not null,
  last_id text not null,
  fixed_at timestamptz not null default clock_timestamp()
);
grant select, insert, update, delete on ingest_ranges to groundswell_system;
