-- money that an organisation which pays cash sent back to our account is recorded beside what was drawn for it
alter table funds add column given_back bigint not null default 0 check (given_back in (0, 1));
