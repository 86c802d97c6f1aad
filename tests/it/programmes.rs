//! The packs on disk are the packs in the program: no file is forgotten, and none differs.

use std::collections::BTreeMap;
use std::path::Path;

use chitra::rules::builtin::BUILTIN;

#[test]
fn every_file_under_programmes_is_part_of_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut on_disk = BTreeMap::new();
    let mut folders = vec![root.join("programmes")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder was listed") {
            let path = entry.expect("the folder was listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "toml" || kind == "csv") {
                let name = path.strip_prefix(root).expect("it lies under the root");
                let text = std::fs::read_to_string(&path).expect("packs are UTF-8 text");
                on_disk.insert(name.to_string_lossy().replace('\\', "/"), text);
            }
        }
    }
    let built_in: BTreeMap<String, String> = BUILTIN
        .iter()
        .flat_map(|(_, files)| files.iter())
        .map(|source| (source.path.to_owned(), source.text.to_owned()))
        .collect();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&on_disk), names(&built_in));
    assert_eq!(on_disk, built_in);
}
