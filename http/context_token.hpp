#pragma once

// The contexts that clients carry: what a reader of one set member has observed, as base64 text.
//
// A token is a version byte, a version vector and a tag over both together with the key and the
// member, so a token that was read for one member opens for that member alone. With the cluster's
// secret nobody else can make one; without a secret the tag finds accidents only.

#include "crdt/value.hpp"
#include "wire/seal.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

/// The most bytes of a token, before base64, that are looked at: more than 2500 replicas.
inline constexpr std::size_t context_bytes_max = 64 * 1024;

std::string encode_context(const wire::secret& secret, const crdt::key& key,
                           const crdt::payload& member, const crdt::version_vector& observed);

/// Nothing if this is not a token for this key and member made with this secret.
std::optional<crdt::version_vector> decode_context(const wire::secret& secret, const crdt::key& key,
                                                   const crdt::payload& member,
                                                   std::string_view token);

} // namespace starling::http
