-- Audit, signals, outbox, idempotency.

-- Append-only: nobody but the table's owner can change or delete a row.
create table audit_log (
  tenant_id uuid not null references tenants on delete cascade,
  audit_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  actor_kind text not null,
  actor_id text not null,
  actor_label text not null default '',
  action text not null,
  target_kind text not null,
  target_id text not null,
  detail jsonb not null default '{}',
  personal bytea,
  subject text not null default '',
  address text not null default '',
  primary key (tenant_id, audit_id)
);
call app.protect('audit_log', 'select, insert');
revoke update, delete on audit_log from groundswell_system;
create index audit_log_time on audit_log (tenant_id, at desc, audit_id desc);
create index audit_log_target on audit_log (tenant_id, target_kind, target_id, at desc);

-- Rows waiting for their seal. A row whose transaction commits late shows up here late, and is
-- sealed then: no reader of the log has to guess where the chain may go on.
create table audit_unsealed (
  tenant_id uuid not null references tenants on delete cascade,
  audit_id uuid not null,
  primary key (tenant_id, audit_id)
);
call app.protect('audit_unsealed', 'insert');
create function app.await_seal() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  insert into audit_unsealed (tenant_id, audit_id) values (new.tenant_id, new.audit_id);
  return null;
end $$;
create trigger audit_log_await_seal after insert on audit_log
  for each row execute function app.await_seal();

-- The chain: one row per audit row, made in the background in the order of sequence. No foreign
-- key to the log: a seal must outlive its row, so that a removed row is noticed.
create table audit_seals (
  tenant_id uuid not null references tenants on delete cascade,
  sequence bigint not null,
  audit_id uuid not null,
  row_hash bytea not null,
  chain_hash bytea not null,
  signature bytea not null,
  sealed_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, sequence),
  unique (tenant_id, audit_id)
);
call app.protect('audit_seals', 'select');
revoke update, delete on audit_seals from groundswell_system;

-- Keys that personal values in the audit log are encrypted with; erasing a person drops the key.
create table person_keys (
  tenant_id uuid not null references tenants on delete cascade,
  subject text not null,
  wrapped_key bytea not null,
  primary key (tenant_id, subject)
);
call app.protect('person_keys', 'select, insert, delete');

create table signals (
  tenant_id uuid not null references tenants on delete cascade,
  signal_id uuid not null,
  name text not null,
  payload jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  attempts int not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  last_error text,
  done text[] not null default '{}',
  primary key (tenant_id, signal_id)
);
call app.protect('signals', 'select, insert, update');
create index signals_due on signals (tenant_id, name, next_attempt_at) where attempts < 10;
create index signals_dead on signals (tenant_id, signal_id desc) where attempts >= 10;

-- Rows on their way to the event store. A batch is fixed (batch_id set, committed) before it is sent.
create table outbox (
  tenant_id uuid not null references tenants on delete cascade,
  outbox_id bigint generated always as identity,
  target text not null check (target in ('events', 'people', 'person_overrides', 'orders', 'order_lines')),
  row jsonb not null,
  batch_id uuid,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, outbox_id)
);
call app.protect('outbox', 'select, insert');
create index outbox_waiting on outbox (outbox_id) where batch_id is null;
create index outbox_batches on outbox (batch_id, outbox_id) where batch_id is not null;

create table idempotency_keys (
  tenant_id uuid not null references tenants on delete cascade,
  key text not null check (length(key) between 1 and 255),
  request_hash bytea not null,
  status int,
  headers jsonb,
  response bytea,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, key)
);
call app.protect('idempotency_keys');
create index idempotency_keys_age on idempotency_keys (tenant_id, created_at);

-- Versions of mirrored rows: one sequence, so that a later change always wins.
create sequence mirror_version;
grant usage on sequence mirror_version to groundswell_app, groundswell_system;
