#pragma once

// Authentication of bytes with the cluster's secret: HMAC-SHA-256, cut to 128 bits.
//
// With an empty secret a tag is only a checksum: it finds accidents, not attackers. Every use names
// its purpose, which goes into the tag, so that bytes made for one purpose never pass for another.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_mac_ctx_st; // of OpenSSL

namespace starling::wire {

using tag = std::array<char, 16>;

/// The secret that the nodes of a cluster share, already bound to the cluster's name.
class secret {
public:
  /// Derives the secret of the cluster `name` from the configured key, which may be empty.
  secret(std::string_view name, std::string_view key);

  /// The tag of some bytes used for `purpose`. Unambiguous in how purpose and bytes are joined.
  tag sign(std::string_view purpose, std::string_view bytes) const;

  /// Whether `given` is the tag of these bytes; takes the same time wherever they differ.
  bool verify(std::string_view purpose, std::string_view bytes, std::string_view given) const;

  /// Signs many things for one purpose, each as `sign` does, for less.
  class signer {
  public:
    signer(const secret& with, std::string_view purpose);
    tag sign(std::string_view bytes);

  private:
    std::string purpose_; // and what ends it
    std::shared_ptr<evp_mac_ctx_st> context_;
  };

  /// What names the cluster in messages: equal for nodes with the same name and key, and says
  /// nothing of the key.
  tag cluster_id() const { return sign("cluster-id", {}); }

private:
  std::shared_ptr<evp_mac_ctx_st> keyed_; // never changed, so copies may share it
};

/// 128 bits as text: 32 hexadecimal digits.
std::string to_hex(std::string_view bytes);

} // namespace starling::wire
