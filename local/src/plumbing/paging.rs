//! Pages of a list, and the opaque tokens that lead from one to the next.
//!
//! A token names the last item that was handed out, not a position: whatever is created or deleted between two
//! pages, an item that stays in the list is handed out exactly once.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// The token of the next page; none when this is the last one.
    pub(crate) next: Option<String>,
}

/// The page token is not one that this list gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidPageToken;

/// The page of at most `size` items after the one that `token` names.
///
/// `items` are in ascending order of their keys. `list` names the list, so that a token of another list is refused.
pub(crate) fn page<'a, T>(
    list: &str,
    items: impl IntoIterator<Item = (&'a str, T)>,
    size: usize,
    token: Option<&str>,
) -> Result<Page<T>, InvalidPageToken> {
    let after = token.map(|token| decode(list, token)).transpose()?;
    let mut rest =
        items.into_iter().skip_while(|(key, _)| after.as_deref().is_some_and(|after| *key <= after)).peekable();
    let mut page = Page { items: Vec::new(), next: None };
    while page.items.len() < size
        && let Some((key, item)) = rest.next()
    {
        page.items.push(item);
        if page.items.len() == size && rest.peek().is_some() {
            page.next = Some(URL_SAFE_NO_PAD.encode(format!("{list}\n{key}")));
        }
    }
    Ok(page)
}

fn decode(list: &str, token: &str) -> Result<String, InvalidPageToken> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or(InvalidPageToken)?;
    let (of, key) = text.split_once('\n').ok_or(InvalidPageToken)?;
    if of == list { Ok(key.to_owned()) } else { Err(InvalidPageToken) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn walk(keys: &BTreeMap<String, ()>, size: usize) -> Vec<String> {
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let items = keys.keys().map(|key| (key.as_str(), key.clone()));
            let page = page("keys", items, size, token.as_deref()).unwrap();
            assert!(page.items.len() <= size);
            seen.extend(page.items);
            token = page.next;
            if token.is_none() {
                return seen;
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn every_item_is_on_exactly_one_page(
            keys in proptest::collection::btree_set("[a-z\n]{0,8}", 0..60),
            size in 1_usize..20,
        ) {
            let keys: BTreeMap<String, ()> = keys.into_iter().map(|key| (key, ())).collect();
            proptest::prop_assert_eq!(walk(&keys, size), keys.into_keys().collect::<Vec<_>>());
        }

        /// Base64url of a list and a key, each with something wrong now and then.
        #[test]
        fn a_token_leads_on_in_its_own_list_or_is_refused(
            list in proptest::sample::select(vec!["keys", "keys", "stages", ""]),
            separator in proptest::sample::select(vec!["\n", "\n", "\n", ""]),
            key in "\\PC{0,8}",
            junk in proptest::sample::select(vec!["", "", "", "A", "=", "\0"]),
        ) {
            let token = URL_SAFE_NO_PAD.encode(format!("{list}{separator}{key}")) + junk;
            let rest = page("keys", [("a", "a"), ("b", "b")], 9, Some(&token));
            let expected: Vec<_> = ["a", "b"].into_iter().filter(|item| *item > key.as_str()).collect();
            match URL_SAFE_NO_PAD.decode(&token).map(String::from_utf8) {
                Ok(Ok(inside)) if inside == format!("keys\n{key}") => {
                    proptest::prop_assert_eq!(rest, Ok(Page { items: expected, next: None }));
                }
                Ok(Ok(inside)) if inside.starts_with("keys\n") => proptest::prop_assert!(rest.is_ok()),
                _ => proptest::prop_assert_eq!(rest, Err(InvalidPageToken)),
            }
        }
    }

    #[test]
    fn the_last_full_page_leads_nowhere() {
        assert_eq!(page("keys", [("a", 1), ("b", 2)], 2, None), Ok(Page { items: vec![1, 2], next: None }));
    }

    #[test]
    fn a_token_of_another_list_is_refused() {
        let next = page("stages", [("a", 1), ("b", 2)], 1, None).unwrap().next.unwrap();
        assert_eq!(page("keys", [("a", 1), ("b", 2)], 1, Some(&next)), Err(InvalidPageToken));
        assert_eq!(page::<u8>("stages", [], 1, Some("not a token")), Err(InvalidPageToken));
    }

    #[test]
    fn items_deleted_between_pages_do_not_move_the_others() {
        let first = page("keys", [("a", 1), ("b", 2), ("c", 3)], 2, None).unwrap();
        let second = page("keys", [("c", 3), ("d", 4)], 2, first.next.as_deref()).unwrap();
        assert_eq!(second, Page { items: vec![3, 4], next: None });
    }
}
