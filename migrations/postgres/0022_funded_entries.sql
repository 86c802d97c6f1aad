-- money that an officer had recorded as available is found on statements

alter table statement_share drop constraint statement_share_kind_check;

alter table statement_share add constraint statement_share_kind_check
    check (kind in ('debit', 'return', 'reversal', 'funds', 'fee', 'tax', 'unexplained'));

-- which entry it is: each record is on one statement, once
create table funded_entry (
    funds_no bigint not null primary key,
    statement_no bigint not null,
    entry_no bigint not null
);
