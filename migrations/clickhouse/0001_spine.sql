-- Events as captured. A repeated uuid is dropped by the writer; what slips through after
-- DEDUP_DAYS goes at merge, which is why the table replaces by its whole sort key.
create table events (
  tenant_id UUID,
  event_id UUID,
  event LowCardinality(String),
  distinct_id String,
  person_key UInt64,
  at DateTime64(3, 'UTC'),
  received_at DateTime64(3, 'UTC'),
  properties JSON(max_dynamic_paths = 256),
  person_properties JSON(max_dynamic_paths = 64),
  source LowCardinality(String),
  trusted Bool,
  historical Bool,
  index person person_key type bloom_filter(0.01) granularity 2
) engine = ReplacingMergeTree(received_at)
partition by toYYYYMM(at)
order by (tenant_id, event, toDate(at), person_key, event_id)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Uuids stored in the last DEDUP_DAYS, so that a repeat is counted once at once.
create table seen_events (
  tenant_id UUID,
  event_id UUID,
  day Date
) engine = ReplacingMergeTree
partition by day
order by (tenant_id, event_id)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Key 0 is nobody: what servers report under made-up ids makes no person.
-- Who was active in which quarter of an hour: days of every time zone are sums of these.
create table person_activity (
  tenant_id UUID,
  slot DateTime('UTC'),
  person_key UInt64
) engine = ReplacingMergeTree
partition by toYYYYMM(slot)
order by (tenant_id, slot, person_key)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

create materialized view person_activity_feed to person_activity as
select tenant_id, toStartOfFifteenMinutes(at) as slot, person_key from events
where person_key != 0
group by tenant_id, slot, person_key;

-- When each person key did each event for the first time.
create table person_firsts (
  tenant_id UUID,
  event LowCardinality(String),
  person_key UInt64,
  first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC'))
) engine = AggregatingMergeTree
order by (tenant_id, event, person_key)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

create materialized view person_firsts_feed to person_firsts as
select tenant_id, event, person_key, min(at) as first_at from events
where person_key != 0
group by tenant_id, event, person_key;

-- Mirrors of PostgreSQL: the row with the highest version counts.
create table people (
  tenant_id UUID,
  person_key UInt64,
  person_id UUID,
  properties JSON(max_dynamic_paths = 128),
  is_identified Bool,
  created_at DateTime64(3, 'UTC'),
  deleted Bool,
  version UInt64
) engine = ReplacingMergeTree(version)
order by (tenant_id, person_key)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- A person key that now belongs to another person; canonical_key = person_key undoes it.
create table person_overrides (
  tenant_id UUID,
  person_key UInt64,
  canonical_key UInt64,
  version UInt64
) engine = ReplacingMergeTree(version)
order by (tenant_id, person_key)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Money that moved: one row per order, one negative row per refund.
-- Revenue is sum(reporting_total); orders are countIf(kind = 'order').
create table orders (
  tenant_id UUID,
  order_uid UUID,
  movement LowCardinality(String),
  kind LowCardinality(String),
  source LowCardinality(String),
  order_id String,
  person_key UInt64,
  distinct_id String,
  at DateTime64(3, 'UTC'),
  currency LowCardinality(String),
  total Int64,
  reporting_currency LowCardinality(String),
  reporting_total Int64,
  items Int64,
  confirmed Bool,
  historical Bool,
  deleted Bool,
  version UInt64
) engine = ReplacingMergeTree(version)
order by (tenant_id, order_uid, movement)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

create table order_lines (
  tenant_id UUID,
  order_uid UUID,
  line_no UInt32,
  kind LowCardinality(String),
  product_id String,
  name String,
  quantity Int64,
  unit_price Int64,
  amount Int64,
  reporting_amount Int64,
  person_key UInt64,
  at DateTime64(3, 'UTC'),
  deleted Bool,
  version UInt64
) engine = ReplacingMergeTree(version)
order by (tenant_id, order_uid, line_no)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
