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
call app.protect('refused_events', 'select, insert, update');

-- Ranges of the ingest log that the writer is working on, fixed before anything of them is stored.
create table ingest_ranges (
  shard text not null,
  first_id text not null,
  last_id text not null,
  fixed_at timestamptz not null default clock_timestamp(),
  primary key (shard, last_id)
);
grant select, insert, update, delete on ingest_ranges to groundswell_system;

-- How far a stream of counts has been added up.
create table ingest_cursors (
  stream text primary key,
  last_id text not null
);
grant select, insert, update, delete on ingest_cursors to groundswell_system;

-- That a tenant's part of a range has had its effects in PostgreSQL: a range that is read again
-- after a crash must not have them twice. event_ids: events stored under another id.
create table ingest_applied (
  tenant_id uuid not null references tenants on delete cascade,
  shard text not null,
  last_id text not null,
  part text not null,
  event_ids jsonb not null,
  primary key (tenant_id, shard, last_id, part)
);
call app.protect('ingest_applied', 'select, insert');
