//! `chitra officer`: who may sign, with which key.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::cli::show::table;
use crate::cli::signer::Signer;
use crate::cli::{Voice, init};
use crate::domain::list::{Officer, Role};
use crate::domain::signature::OfficerPublicKey;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError, office};

#[derive(Subcommand)]
pub enum OfficerCommand {
    /// Register an officer's public key
    Enrol {
        name: String,
        /// officer, approver, auditor, operator or viewer
        #[arg(long)]
        role: String,
        /// The public key in base64, made elsewhere
        #[arg(long, conflicts_with = "new_key", required_unless_present = "new_key")]
        key: Option<String>,
        /// Make a key here, beside the office; better: make it where the officer is
        #[arg(long)]
        new_key: bool,
    },
    /// Make a key in a file of one's own, and print its public half
    Key { file: PathBuf },
    /// End an officer's right to sign, by another or by themselves: who has left, or whose key may be known to others
    End {
        name: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Who is registered, and who has ended
    List,
}

impl OfficerCommand {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            OfficerCommand::Enrol { name, role, key, .. } => {
                let role = Role::from_name(&role).ok_or_else(|| {
                    EngineError::refused(
                        "G122",
                        format!(
                            "`{role}` is no role; officer, approver, auditor, operator or viewer"
                        ),
                    )
                })?;
                office::officer_name(&name)?;
                // Before a key is made: what is refused leaves no file behind.
                if engine.store.officers_ever().await?.iter().any(|one| one.name == name) {
                    return Err(EngineError::refused(
                        "G121",
                        format!(
                            "the officer `{name}` is registered already; choose another name (chitra officer list)"
                        ),
                    ));
                }
                let public = match key {
                    Some(key) => OfficerPublicKey::parse(&key)?.to_string(),
                    None => {
                        let path = office::officer_key_path(&engine.dir, &name);
                        if path.exists() {
                            return Err(EngineError::refused(
                                "G123",
                                format!(
                                    "{} is there already and is never overwritten; nothing was changed. Choose another name, \
                                     or enrol its public half: --key KEY",
                                    path.display()
                                ),
                            ));
                        }
                        office::write_officer_key(&path, &init::secret()?)?;
                        office::read_officer_key(&path)?.public().to_string()
                    }
                };
                engine.officer_enrol(&name, role, &public).await?;
                engine.sequence().await?;
                voice.say(&json!({ "officer": name, "public_key": public }), || {
                    format!("{name} is registered as {role}, key {public}")
                });
                Ok(())
            }
            OfficerCommand::Key { file } => make_key(&file, voice),
            OfficerCommand::End { name, signer } => {
                let key = signer.key(engine).await?;
                let ended = engine.officer_end(&name, &signer.by, &key).await?;
                engine.sequence().await?;
                let lists: Vec<_> = ended
                    .signed_anew
                    .iter()
                    .map(|(cycle, list)| json!({ "cycle": cycle, "list": list.0 }))
                    .collect();
                voice.say(&json!({ "ended": name, "signed_anew": lists }), || {
                    let mut told = vec![format!("{name}, {}, signs no more", ended.role)];
                    told.extend(ended.signed_anew.iter().map(|(cycle, list)| {
                        format!(
                            "list {list} of {cycle} bore that name and is not released: it is signed anew: chitra \
                             submit {cycle} --list {list} --as OFFICER"
                        )
                    }));
                    told.join("\n")
                });
                Ok(())
            }
            OfficerCommand::List => {
                let may_sign = engine.store.officers().await?;
                let officers = engine.store.officers_ever().await?;
                let standing = |one: &Officer| match may_sign.contains(one) {
                    true => "registered",
                    false => "ended",
                };
                let rows: Vec<Vec<String>> = officers
                    .iter()
                    .map(|one| {
                        let (role, standing) = (one.role.to_string(), standing(one).to_owned());
                        vec![one.name.clone(), role, standing, one.public_key.clone()]
                    })
                    .collect();
                let told: Vec<_> = officers
                    .iter()
                    .map(|one| {
                        json!({
                            "name": one.name,
                            "role": one.role.to_string(),
                            "standing": standing(one),
                            "public_key": one.public_key,
                        })
                    })
                    .collect();
                voice.say(&json!(told), || {
                    table(&["name", "role", "standing", "public key"], &rows, &[])
                });
                Ok(())
            }
        }
    }
}

/// Makes a key where the officer is; the office is given only the public half.
pub fn make_key(file: &Path, voice: &Voice) -> Result<(), EngineError> {
    let file = std::path::absolute(file)
        .map_err(|error| EngineError::io(format!("making {}", file.display()), error))?;
    if file.exists() {
        return Err(EngineError::refused(
            "G123",
            format!(
                "{} is there already and is never overwritten; nothing was changed. Use it, or name another file",
                file.display()
            ),
        ));
    }
    office::write_officer_key(&file, &init::secret()?)?;
    let public = office::read_officer_key(&file)?.public().to_string();
    voice.say(&json!({ "public_key": public }), || format!("public key: {public}"));
    Ok(())
}
