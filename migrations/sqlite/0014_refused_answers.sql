-- answers that were refused as a whole: one row for each fault found in the same bytes from one partner.
-- A file is looked at anew each time; whether it is set aside stands with its discrepancy

create table refused_answer (
    answer_no bigint not null primary key,
    provider text not null,
    file_name text not null,
    sha256 text not null,
    code text not null,
    refused_at text not null,
    unique (provider, sha256, code)
);

insert into refused_answer (answer_no, provider, file_name, sha256, code, refused_at)
    select answer_no, provider, file_name, sha256, substr(detail, 1, 4), received_at
    from answer where state = 'refused';

insert into discrepancy (discrepancy_no, kind, provider, answer_no, item, detail, opened_at, state)
    select (select coalesce(max(discrepancy_no), 0) from discrepancy)
            + (select count(*) from answer b where b.state = 'refused' and b.answer_no <= a.answer_no),
        'file_refused', provider, answer_no, 0, detail, received_at, 'open'
    from answer a where state = 'refused';

delete from answer where state = 'refused';
