-- the settings under which a list was opened and that hold for good: amounts are minor units of the currency, and
-- months before history_from count as paid before. Empty and 0 of lists that an earlier program opened
alter table cycle add column currency text not null default '';
alter table cycle add column history_from bigint not null default 0;
