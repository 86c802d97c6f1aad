-- how often money of a cycle has moved: figures are of one count, and a cycle is closed at the count of its figures
alter table cycle add column moves bigint not null default 0;
