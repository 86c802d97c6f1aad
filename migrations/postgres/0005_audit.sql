-- the transparency log: events wait in the outbox of their transaction until the sequencer numbers them

create table audit_outbox (
    writer bigint not null,
    n bigint not null,
    leaf bytea not null,
    primary key (writer, n)
);

create table audit_leaf (
    idx bigint not null primary key,
    leaf bytea not null
);
