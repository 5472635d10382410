-- Mail: each row is what was, or would be, sent. Bodies hold one-time links and are encrypted with
-- the tenant's key. The row's id makes the Message-ID, so that a repeated delivery is recognised.

create table mails (
  tenant_id uuid not null references tenants on delete cascade,
  mail_id uuid not null,
  to_address text not null check (length(to_address) between 3 and 254),
  to_name text not null default '' check (length(to_name) <= 200),
  subject text not null check (length(subject) between 1 and 300),
  text bytea not null,
  html bytea not null,
  kind text not null check (length(kind) between 1 and 60),
  is_private boolean not null default false,
  status text not null check (status in ('kept', 'queued', 'sent', 'failed')),
  attempts int not null default 0,
  last_error text,
  message_id text not null,
  created_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz,
  primary key (tenant_id, mail_id)
);
call app.protect('mails');
create index mails_newest on mails (tenant_id, created_at desc, mail_id desc);
