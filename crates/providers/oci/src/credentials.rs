//! Who signs: the deployment's own key, or a profile of Oracle Cloud's configuration file.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_core::{CloudSettings, Error, Result, oauth::wrong};
use ring::signature::RsaKeyPair;

/// A key and its name.
pub(crate) struct Credentials {
    /// `TENANCY/USER/FINGERPRINT`.
    pub(crate) key_id: String,
    pub(crate) key: RsaKeyPair,
}

/// The deployment's credentials; what it does not say, a profile says.
///
/// # Errors
/// Something is missing, or the key cannot be read.
pub(crate) fn find(settings: &CloudSettings<'_>) -> Result<Credentials> {
    let mut profile = Profile::find(settings);
    let mut part = |param: &str, variable: &str, own: &str| {
        let found = settings.find(param, &[variable]).or_else(|| profile.take(own));
        found.ok_or_else(|| missing(param, variable))
    };
    let tenancy = part("oci_tenancy", "OCI_TENANCY", "tenancy")?;
    let user = part("oci_user", "OCI_USER", "user")?;
    let fingerprint = part("oci_fingerprint", "OCI_FINGERPRINT", "fingerprint")?;
    let pem = match settings.find("oci_key", &["OCI_KEY"]) {
        Some(pem) => pem,
        None => {
            let path = part("oci_key_file", "OCI_KEY_FILE", "key_file")?;
            (settings.file)(&expanded(&path, settings))
                .ok_or_else(|| wrong("The file that `oci_key_file` names cannot be read."))?
        }
    };
    Ok(Credentials { key_id: format!("{tenancy}/{user}/{fingerprint}"), key: key_pair(&pem)? })
}

/// What a profile of `~/.oci/config` says, by its own names.
pub(crate) struct Profile(BTreeMap<String, String>);

impl Profile {
    /// The profile that the environment names, or `DEFAULT`; empty if there is none.
    pub(crate) fn find(settings: &CloudSettings<'_>) -> Self {
        let path = settings.find("oci_config_file", &["OCI_CONFIG_FILE", "OCI_CLI_CONFIG_FILE"]);
        let path = expanded(path.as_deref().unwrap_or("~/.oci/config"), settings);
        let name = settings.find("oci_profile", &["OCI_CONFIG_PROFILE", "OCI_CLI_PROFILE"]);
        let text = (settings.file)(&path).unwrap_or_default();
        Self(read(&text, name.as_deref().unwrap_or("DEFAULT")))
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }
}

/// The settings of a profile: those of `DEFAULT` hold where it is silent.
fn read(text: &str, profile: &str) -> BTreeMap<String, String> {
    let (mut shared, mut own, mut section) = (BTreeMap::new(), BTreeMap::new(), "");
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if let Some((name, value)) = line.split_once('=') {
            let setting = (name.trim().to_owned(), value.trim().to_owned());
            if section == profile {
                own.extend([setting]);
            } else if section == "DEFAULT" {
                shared.extend([setting]);
            }
        }
    }
    if !own.is_empty() {
        shared.append(&mut own);
        return shared;
    }
    own
}

fn expanded(path: &str, settings: &CloudSettings<'_>) -> String {
    match path.strip_prefix("~/") {
        Some(rest) => format!("{}/{rest}", (settings.env)("HOME").unwrap_or_default()),
        None => path.to_owned(),
    }
}

/// The key in a PEM text; line breaks may be written as `\n`.
fn key_pair(pem: &str) -> Result<RsaKeyPair> {
    let unreadable = || wrong("The key for Oracle Cloud is no RSA key in PEM form.");
    let pem = pem.replace("\\n", "\n");
    if pem.contains("ENCRYPTED") {
        return Err(wrong("The key for Oracle Cloud is encrypted; store it without a passphrase."));
    }
    // The console's keys have a label behind their end.
    let lines = pem.lines().map(str::trim).filter(|line| !line.is_empty());
    let body: String = lines
        .take_while(|line| !line.starts_with("-----END"))
        .filter(|line| !line.starts_with('-'))
        .collect();
    let der = STANDARD.decode(body).map_err(|_| unreadable())?;
    let pair = match pem.contains("BEGIN RSA PRIVATE KEY") {
        true => RsaKeyPair::from_der(&der),
        false => RsaKeyPair::from_pkcs8(&der),
    };
    pair.map_err(|_| unreadable())
}

fn missing(param: &str, variable: &str) -> Error {
    wrong(format!("Oracle Cloud needs `{param}` or {variable}, or a profile in ~/.oci/config."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_inherit_from_the_default() {
        let text = "# mine\n[DEFAULT]\nuser=u1\nregion = eu-frankfurt-1\n\n[other]\nuser = u2\n";
        assert_eq!(read(text, "DEFAULT")["user"], "u1");
        assert_eq!(read(text, "other")["user"], "u2");
        assert_eq!(read(text, "other")["region"], "eu-frankfurt-1");
        assert!(read(text, "none").is_empty());
    }

    #[test]
    fn keys_that_are_none_are_refused_without_being_shown() {
        for pem in ["", "secret", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"] {
            let error = key_pair(pem).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("c2VjcmV0"));
        }
    }
}
