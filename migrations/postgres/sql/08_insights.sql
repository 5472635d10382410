-- Questions that were kept. query: the question as the API takes it.

create table insights (
  tenant_id uuid not null references tenants on delete cascade,
  insight_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  description text not null default '' check (length(description) <= 2000),
  kind text not null check (kind in ('trends', 'funnel', 'retention', 'lifecycle', 'stickiness')),
  query jsonb not null,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, insight_id)
);
call app.protect('insights');
create index insights_updated on insights (tenant_id, updated_at desc, insight_id desc);
