-- recalls that ask back one payment file together, in one request: the number of the first of them, under which
-- that request is kept
alter table recall add column asked_with bigint;
create index recall_asked_with on recall (asked_with) where asked_with is not null;
