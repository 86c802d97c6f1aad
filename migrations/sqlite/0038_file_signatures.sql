-- the signature that goes beside a file, by the digest of the file as it leaves; made once, before the first attempt
create table file_signature (
    sha256 text not null primary key,
    signature_sha256 text not null,
    made_at text not null
);
