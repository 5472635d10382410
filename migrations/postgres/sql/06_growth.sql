-- The daily snapshot of the growth dashboard.

create table growth_metrics (
  tenant_id uuid not null references tenants on delete cascade,
  day date not null,
  currency text not null,
  new_users bigint not null,
  activated_users bigint not null,
  orders bigint not null,
  revenue bigint not null,
  dau bigint not null,
  wau bigint not null,
  mau bigint not null,
  captured_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, day)
);
call app.protect('growth_metrics');
