-- money that an officer had recorded as available is found on statements

create table statement_share_of_funds (
    statement_no bigint not null,
    kind text not null check (kind in ('debit', 'return', 'reversal', 'funds', 'fee', 'tax', 'unexplained')),
    cycle_no bigint not null,
    batch_no bigint not null,
    entry_count bigint not null,
    payment_count bigint not null,
    total_minor bigint not null,
    primary key (statement_no, kind, cycle_no, batch_no)
);

insert into statement_share_of_funds
    (statement_no, kind, cycle_no, batch_no, entry_count, payment_count, total_minor)
select statement_no, kind, cycle_no, batch_no, entry_count, payment_count, total_minor from statement_share;

drop table statement_share;

alter table statement_share_of_funds rename to statement_share;

-- which entry it is: each record is on one statement, once
create table funded_entry (
    funds_no bigint not null primary key,
    statement_no bigint not null,
    entry_no bigint not null
);
