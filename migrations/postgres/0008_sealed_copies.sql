-- what leaves in place of a batch's file when its partner reads sealed files; made once, before the first attempt
create table sealed_copy (
    cycle_no bigint not null,
    batch_no bigint not null,
    file_name text not null unique,
    sha256 text not null,
    file_bytes bigint not null,
    sealed_at text not null,
    primary key (cycle_no, batch_no)
);

-- an answer that arrived sealed: the digest of what arrived, and of what was in it
create table sealed_answer (
    arrived_sha256 text not null primary key,
    sha256 text not null,
    provider text not null,
    opened_at text not null
);
