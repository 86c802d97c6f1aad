//! Where an office's rows are: `sqlite:PATH` or `postgres://USER@HOST/DATABASE`.
//!
//! Reads: the text of the configuration or of `chitra init --database`.
//! Gives: a place that a database can be opened at, or the broken rule. Nothing is opened here.

use std::fmt;
use std::path::Path;
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

/// A database that can be opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DatabaseUrl {
    /// A file's path; a relative one is relative to the office's folder.
    Sqlite(String),
    /// A whole `postgres://` URL.
    Postgres(String),
}

impl DatabaseUrl {
    pub fn parse(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        match text.split_once(':') {
            Some(("sqlite", path)) => {
                let odd = |c: char| c.is_control() || "?#%\"\\".contains(c);
                if path.is_empty() || path.starts_with("//") || path.ends_with('/') {
                    return Err(DatabaseUrlError::SqliteMustNameAFile);
                }
                if path.starts_with(':') {
                    return Err(DatabaseUrlError::RowsMustOutliveTheProgram);
                }
                match path.chars().any(odd) {
                    true => Err(DatabaseUrlError::PathMustBePlain),
                    false => Ok(DatabaseUrl::Sqlite(path.to_owned())),
                }
            }
            Some(("postgres" | "postgresql", rest)) => {
                // What the driver would fill in from its own environment must be said.
                let database = rest
                    .strip_prefix("//")
                    .and_then(|rest| rest.split('?').next())
                    .and_then(|rest| rest.split_once('/'))
                    .filter(|(host, name)| !host.is_empty() && !name.is_empty());
                if database.is_none() || text.chars().any(|c| c.is_control() || c == ' ') {
                    return Err(DatabaseUrlError::PostgresMustNameHostAndDatabase);
                }
                match PgConnectOptions::from_str(text) {
                    Ok(_) => Ok(DatabaseUrl::Postgres(text.to_owned())),
                    Err(_) => Err(DatabaseUrlError::PostgresMustNameHostAndDatabase),
                }
            }
            _ => Err(DatabaseUrlError::UrlMustNameADatabase),
        }
    }

    /// The same with a relative file in the office's folder.
    pub fn beside(self, office: &Path) -> DatabaseUrl {
        match self {
            DatabaseUrl::Sqlite(path) => {
                DatabaseUrl::Sqlite(office.join(path).display().to_string())
            }
            url @ DatabaseUrl::Postgres(_) => url,
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(f, "sqlite:{path}"),
            DatabaseUrl::Postgres(url) => f.write_str(url),
        }
    }
}

/// None of them repeats the text, which may hold a password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error("the database is written sqlite:PATH or postgres://USER@HOST/DATABASE")]
    UrlMustNameADatabase,
    #[error("an SQLite database is a file: sqlite:office.db, or sqlite:/an/absolute/path.db")]
    SqliteMustNameAFile,
    #[error(
        "an SQLite database in memory would forget who was paid; name a file: sqlite:office.db"
    )]
    RowsMustOutliveTheProgram,
    #[error("the path of an SQLite database has none of ? # % \" \\ and no control characters")]
    PathMustBePlain,
    #[error("a PostgreSQL database is written postgres://USER@HOST:PORT/DATABASE")]
    PostgresMustNameHostAndDatabase,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, DatabaseUrlError>) {
        let parsed = DatabaseUrl::parse(text).map(|url| url.beside(Path::new("/o")).to_string());
        assert_eq!(parsed, expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn a_url_names_a_place_that_keeps_rows() {
        use DatabaseUrlError as E;
        check("sqlite:office.db", Ok("sqlite:/o/office.db"));
        check("sqlite:/srv/văn phòng.db", Ok("sqlite:/srv/văn phòng.db"));
        check("postgres://lan@host/office", Ok("postgres://lan@host/office"));
        check("postgresql://lan:x@host:5432/office", Ok("postgresql://lan:x@host:5432/office"));
        for text in ["", "office.db", "sqlite", "mysql://host/office", "https://host/", "SQLITE:a"]
        {
            check(text, Err(E::UrlMustNameADatabase));
        }
        for text in ["sqlite:", "sqlite://office.db", "sqlite:office/"] {
            check(text, Err(E::SqliteMustNameAFile));
        }
        check("sqlite::memory:", Err(E::RowsMustOutliveTheProgram));
        for text in ["sqlite:a?mode=ro", "sqlite:a%20b", "sqlite:a\"b", "sqlite:a\nb"] {
            check(text, Err(E::PathMustBePlain));
        }
        for text in [
            "postgres:",
            "postgres://",
            "postgres://host",
            "postgres://host/",
            "postgres:///office",
            "postgres://host:many/office",
            "postgres://my host/office",
        ] {
            check(text, Err(E::PostgresMustNameHostAndDatabase));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in "((sqlite|postgres):)?\\PC{0,40}") {
            let _ = DatabaseUrl::parse(&text);
        }
    }
}
