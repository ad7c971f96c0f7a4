//! Three spellings of one member: AWS's (`managedEBSVolume`, `TTL`), the document's and Rust's.

/// AWS's name as documents write it: `subnets` → `subnets`, `DnsRecords` → `dnsRecords`, `TTL` → `ttl`.
pub(super) fn document(aws: &str) -> String {
    let letters: Vec<char> = aws.chars().collect();
    let mut capitals = letters.iter().take_while(|letter| letter.is_ascii_uppercase()).count();
    if capitals > 1 && capitals < letters.len() {
        capitals -= 1; // the last capital begins the next word: `VPCLink` → `vpcLink`
    }
    letters[..capitals]
        .iter()
        .map(char::to_ascii_lowercase)
        .chain(letters[capitals..].iter().copied())
        .collect()
}

/// What serde's `rename_all = "camelCase"` makes of a Rust field.
pub(super) fn camel(field: &str) -> String {
    let mut name = String::new();
    for (index, word) in field.trim_start_matches("r#").split('_').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if index > 0 => name.push(first.to_ascii_uppercase()),
            Some(first) => name.push(first),
            None => {}
        }
        name.extend(letters);
    }
    name
}

/// The same for every spelling of a name, to find the SDK's for AWS's.
pub(super) fn folded(name: &str) -> String {
    name.trim_start_matches("r#")
        .chars()
        .filter(|letter| *letter != '_')
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_names_become_document_names() {
        for (aws, ours) in
            [("subnets", "subnets"), ("DnsRecords", "dnsRecords"), ("TTL", "ttl"), ("SOA", "soa")]
        {
            assert_eq!(document(aws), ours);
        }
        assert_eq!(document("managedEBSVolume"), "managedEBSVolume");
        assert_eq!(document("VPCLink"), "vpcLink");
    }

    #[test]
    fn rust_names_are_found_and_renamed_as_serde_does() {
        assert_eq!(camel("managed_ebs_volume"), "managedEbsVolume");
        assert_eq!(camel("r#type"), "type");
        assert_eq!(folded("managed_ebs_volume"), folded("managedEBSVolume"));
        assert_eq!(folded("r#type"), "type");
    }
}
