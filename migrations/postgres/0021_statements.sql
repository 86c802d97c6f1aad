-- statements of the accounts that pay

-- one row for each statement that an answer holds; its entries add up to what lies between its balances
create table statement (
    statement_no bigint not null primary key,
    answer_no bigint not null,
    provider text not null,
    account text not null,
    statement_id text not null,
    opening_minor bigint not null,
    closing_minor bigint not null,
    closed_on text not null,
    entry_count bigint not null,
    pending_count bigint not null,
    unique (provider, account, statement_id)
);

-- what its entries were for; cycle and batch are 0 where it is no file of ours
create table statement_share (
    statement_no bigint not null,
    kind text not null check (kind in ('debit', 'return', 'reversal', 'fee', 'tax', 'unexplained')),
    cycle_no bigint not null,
    batch_no bigint not null,
    entry_count bigint not null,
    payment_count bigint not null,
    total_minor bigint not null,
    primary key (statement_no, kind, cycle_no, batch_no)
);

-- entries for which our books have no reason; each is a discrepancy too, under the same item of the answer
create table unexplained_entry (
    statement_no bigint not null,
    entry_no bigint not null,
    amount_minor bigint not null,
    booked_on text,
    reference text,
    why text not null,
    primary key (statement_no, entry_no)
);
