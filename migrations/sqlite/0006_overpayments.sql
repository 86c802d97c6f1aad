-- the cycle whose lines came out negative: when it is computed again or cancelled, what it found goes too
alter table receivable add column cycle_no bigint;
