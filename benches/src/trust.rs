//! A function trusts Amazon's own roots, whose keys are Amazon's. For the endpoint to be trusted as AWS's is, a copy of the
//! program has the endpoint's authority in the place of one of them: same size, same kind of key, same work.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::plan::Function;

/// The program of a function with an authority in the place of a root, in that directory.
///
/// # Errors
/// The program does not hold the root once, or the authority is longer.
pub(crate) fn replaced(function: &Function, root: &Path, authority: &str, directory: &Path) -> anyhow::Result<PathBuf> {
    let program = function.command.first().context("no command")?;
    let bytes = fs::read(program).with_context(|| format!("cannot read {program}"))?;
    let root = fs::read(root).with_context(|| format!("cannot read {}", root.display()))?;
    let path = directory.join(function.name.replace(' ', "-"));
    fs::write(&path, replace(bytes, &root, authority.as_bytes())?).context("cannot write a program")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

fn replace(mut bytes: Vec<u8>, root: &[u8], authority: &[u8]) -> anyhow::Result<Vec<u8>> {
    ensure!(!root.is_empty(), "the root is empty");
    let found: Vec<usize> =
        bytes.windows(root.len()).enumerate().filter(|(_, part)| *part == root).map(|(at, _)| at).collect();
    let [at] = found.as_slice() else { bail!("the program holds the root {} times", found.len()) };
    ensure!(authority.len() <= root.len(), "the authority is longer than the root");
    let place = bytes.get_mut(*at..at + root.len()).context("the program ends")?;
    // What is between certificates is of no meaning.
    place.fill(b'\n');
    place.get_mut(..authority.len()).context("the authority is longer than the root")?.copy_from_slice(authority);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_takes_the_place_of_a_root_and_leaves_the_rest_where_it_is() {
        assert_eq!(replace(b"before ROOT after".to_vec(), b"ROOT", b"own").unwrap(), b"before own\n after");
        for other in ["before after", "ROOT and ROOT"] {
            assert!(replace(other.into(), b"ROOT", b"own").is_err(), "{other}");
        }
        assert!(replace(b"ROOT".to_vec(), b"ROOT", b"longer").is_err());
    }
}
