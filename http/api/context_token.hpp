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

/// Writes many tokens for the members of one set, each as `encode_context` does, for less.
class context_writer {
public:
  context_writer(const wire::secret& secret, const crdt::key& key);

  /// Valid until the next one.
  std::string_view token(const crdt::payload& member, const crdt::version_vector& observed);

private:
  wire::secret::signer signer_;
  wire::writer covered_; // what the tag covers: the key, and then the latest member and content
  std::size_t begin_;    // where the latest member begins
  std::string content_;  // the latest, with its tag
  std::string text_;
};

/// Nothing if this is not a token for this key and member made with this secret.
std::optional<crdt::version_vector> decode_context(const wire::secret& secret, const crdt::key& key,
                                                   const crdt::payload& member,
                                                   std::string_view token);

} // namespace starling::http
