//! The calendars of business days that an office knows: the program's own, and those in its folder
//! `calendars/`, which take the place of the program's under the same name.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::calendar::Calendar;
use crate::engine::config::{Config, Provider};
use crate::engine::{Engine, EngineError};

const VN: &str = include_str!("../../calendars/vn.toml");

/// Reads every calendar, and checks that no partner's terms name one that is not there.
pub(super) fn load(dir: &Path, config: &Config) -> Result<BTreeMap<String, Calendar>, EngineError> {
    let wrong =
        |place: &str, error: String| EngineError::refused("D140", format!("{place}: {error}"));
    let mut calendars = BTreeMap::new();
    let vn = Calendar::parse(VN).map_err(|error| wrong("calendars/vn.toml", error.to_string()))?;
    calendars.insert(vn.name.clone(), vn);
    let folder = dir.join("calendars");
    if folder.is_dir() {
        let failed = |error| EngineError::io("reading the office's calendars", error);
        let mut paths = std::fs::read_dir(&folder)
            .map_err(failed)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        paths.sort();
        let mut own: BTreeMap<String, Calendar> = BTreeMap::new();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "toml")) {
            let text = std::fs::read_to_string(path).map_err(failed)?;
            let place = path.display().to_string();
            let calendar =
                Calendar::parse(&text).map_err(|error| wrong(&place, error.to_string()))?;
            if let Some(other) = own.insert(calendar.name.clone(), calendar.clone()) {
                return Err(wrong(
                    &place,
                    format!(
                        "the calendar {} is there twice, as {} and {}; keep one version",
                        other.name, other.version, calendar.version
                    ),
                ));
            }
        }
        calendars.extend(own);
    }
    let named = config.providers.iter().flat_map(Provider::calendars);
    for name in named {
        if !calendars.contains_key(name) {
            return Err(EngineError::refused(
                "D141",
                format!(
                    "chitra.toml: the terms of a partner name the calendar {name}, which is not there; put it into \
                     the office's folder as calendars/{name}.toml"
                ),
            ));
        }
    }
    Ok(calendars)
}

impl Engine {
    /// Name and version of every calendar that a partner's terms name, for the manifest of a list.
    pub(super) fn calendar_versions(&self) -> Vec<String> {
        let mut named: Vec<&str> =
            self.config.providers.iter().flat_map(Provider::calendars).collect();
        named.sort_unstable();
        named.dedup();
        named
            .into_iter()
            .filter_map(|name| self.calendars.get(name))
            .map(|calendar| format!("{} {}", calendar.name, calendar.version))
            .collect()
    }
}
