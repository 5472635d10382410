-- Orders: the truth about money. Refunds are negative lines with a time of their own.

-- Whose an order is follows from its distinct id, so that merges move it and un-merges move it back.
-- rate null: no exchange rate is known yet; reporting_total is then 0 until one arrives.
create table orders (
  tenant_id uuid not null references tenants on delete cascade,
  order_uid uuid not null,
  source text not null check (length(source) between 1 and 100),
  order_id text not null check (length(order_id) between 1 and 200),
  distinct_id text collate "C" not null,
  person_key bigint not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  total bigint not null check (total >= 0),
  reporting_currency text not null,
  reporting_total bigint not null,
  rate numeric,
  items bigint not null default 0,
  refunded bigint not null default 0 check (refunded between 0 and total),
  placed_at timestamptz not null,
  content_hash bytea not null,
  origin text not null check (origin in ('api', 'event', 'import')),
  confirmed boolean not null,
  historical boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, order_uid),
  unique (tenant_id, source, order_id),
  foreign key (tenant_id, distinct_id) references distinct_ids (tenant_id, distinct_id)
);
call app.protect('orders');
create index orders_placed on orders (tenant_id, placed_at desc, order_uid desc);
create index orders_distinct_id on orders (tenant_id, distinct_id, placed_at desc);
create index orders_total on orders (tenant_id, reporting_total desc);
create index orders_currency on orders (tenant_id, currency, placed_at);

create table order_lines (
  tenant_id uuid not null,
  order_uid uuid not null,
  line_no int not null,
  kind text not null check (kind in ('item', 'refund')),
  product_id text not null default '',
  name text not null default '',
  quantity bigint not null,
  unit_price bigint not null,
  amount bigint not null,
  reporting_amount bigint not null,
  at timestamptz not null,
  refund_id text not null default '',
  properties jsonb not null default '{}',
  primary key (tenant_id, order_uid, line_no),
  foreign key (tenant_id, order_uid) references orders (tenant_id, order_uid) on delete cascade
);
call app.protect('order_lines');
create unique index order_lines_refund on order_lines (tenant_id, order_uid, refund_id) where kind = 'refund';
create index order_lines_product on order_lines (tenant_id, product_id, at) where kind = 'item';

-- Units of the reporting currency for one unit of another, from a day on.
create table exchange_rates (
  tenant_id uuid not null references tenants on delete cascade,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  reporting_currency text not null check (reporting_currency ~ '^[A-Z]{3}$'),
  day date not null,
  rate numeric not null check (rate > 0),
  primary key (tenant_id, currency, reporting_currency, day)
);
call app.protect('exchange_rates');

create table import_runs (
  tenant_id uuid not null references tenants on delete cascade,
  import_id uuid not null,
  kind text not null,
  file_name text not null,
  digest text not null,
  options jsonb not null,
  status text not null check (status in ('running', 'done', 'failed')),
  rows_done bigint not null default 0,
  counts jsonb not null default '{}',
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  primary key (tenant_id, import_id)
);
call app.protect('import_runs');
create index import_runs_digest on import_runs (tenant_id, digest, kind);
