//! The shared files of AWS's tools: `~/.aws/credentials` and `~/.aws/config`.

use std::collections::BTreeMap;

use lockgate_core::CloudSettings;

use crate::place::first;

/// The settings of one profile, of both files.
pub(crate) struct Profile(BTreeMap<String, String>);

impl Profile {
    /// The deployment's profile, or the environment's; none if neither file has it.
    pub(crate) fn of(settings: &CloudSettings<'_>) -> Option<Self> {
        Self::named(settings, &name(settings))
    }

    /// The profile of that name.
    pub(crate) fn named(settings: &CloudSettings<'_>, name: &str) -> Option<Self> {
        let home = (settings.env)("HOME").unwrap_or_default();
        let path = |variable: &str, file: &str| {
            first(settings, &[variable]).unwrap_or_else(|| format!("{home}/.aws/{file}"))
        };
        let mut found = BTreeMap::new();
        if let Some(text) = (settings.file)(&path("AWS_CONFIG_FILE", "config")) {
            let prefixed = format!("profile {name}");
            found.extend(section(&text, &[prefixed.as_str(), name]));
        }
        if let Some(text) = (settings.file)(&path("AWS_SHARED_CREDENTIALS_FILE", "credentials")) {
            found.extend(section(&text, &[name]));
        }
        (!found.is_empty()).then_some(Self(found))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The name of the deployment's profile.
pub(crate) fn name(settings: &CloudSettings<'_>) -> String {
    settings
        .find("aws_profile_name", &["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
        .unwrap_or_else(|| "default".to_owned())
}

/// The settings below the headings; indented lines belong to a nested setting.
fn section<'a>(text: &'a str, names: &[&str]) -> impl Iterator<Item = (String, String)> + use<'a> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut inside = false;
    text.lines().filter_map(move |line| {
        let heading = line.trim().strip_prefix('[').and_then(|rest| rest.split(']').next());
        if let Some(heading) = heading {
            inside = names.iter().any(|name| name == heading.trim());
            return None;
        }
        let nested = line.starts_with([' ', '\t']);
        let (name, value) = line.split_once('=').filter(|_| inside && !nested)?;
        let comment = name.trim_start().starts_with(['#', ';']);
        (!comment).then(|| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn sections_are_read_as_awss_tools_read_them() {
        let text = "# x\n[default]\nregion = eu-west-1\n[profile dev]\nRegion=us-east-2\ns3 =\n  region = no\n\
                    # role_arn = no\nrole_arn = arn:x=y\n[profile other]\nregion = no\n";
        let found: Vec<_> = section(text, &["profile dev", "dev"]).collect();
        let expected = [("region", "us-east-2"), ("s3", ""), ("role_arn", "arn:x=y")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
