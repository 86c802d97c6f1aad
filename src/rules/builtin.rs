//! The packs that are part of the program: one registry of their files.

use crate::rules::diagnostic::Source;

macro_rules! files {
    ($($path:literal)*) => {
        &[$(Source {
            path: concat!("programmes/", $path),
            text: include_str!(concat!("../../programmes/", $path)),
        },)*]
    };
}

/// The files of the Vietnamese pack.
const VN: &[Source<'static>] = files! {
    "vn/pack.toml"
    "vn/social_assistance/rates.toml"
    "vn/social_assistance/clauses.toml"
    "vn/social_assistance/cases.toml"
    "vn/social_pension/rates.toml"
    "vn/social_pension/clauses.toml"
    "vn/social_pension/cases.toml"
};

/// Every pack of the program: its id and its files.
pub const BUILTIN: &[(&str, &[Source<'static>])] = &[("vn", VN)];

/// The files of a pack that is part of the program; none for an id that is not.
pub fn builtin_sources(pack: &str) -> &'static [Source<'static>] {
    BUILTIN.iter().find(|(id, _)| *id == pack).map_or(&[], |(_, files)| files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::compile::check;

    #[test]
    fn every_pack_of_the_program_is_sound() {
        for (id, files) in BUILTIN {
            let found: Vec<String> = check(files).iter().map(|d| d.to_string()).collect();
            assert!(found.is_empty(), "{id}:\n{}", found.join("\n"));
        }
    }
}
