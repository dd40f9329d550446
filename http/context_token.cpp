#include "http/context_token.hpp"

#include "wire/base64.hpp"

namespace starling::http {

namespace {

constexpr std::string_view purpose = "context";
constexpr std::uint8_t format_version = 1;

/// What the tag covers. Key and member carry their lengths, so no two contexts give the same bytes.
std::string covered(const crdt::key& key, const crdt::payload& member, std::string_view content) {
  wire::writer out;
  crdt::encode(out, key);
  crdt::encode(out, member);
  out.raw(content);
  return std::move(out).take();
}

} // namespace

std::string encode_context(const wire::secret& secret, const crdt::key& key,
                           const crdt::payload& member, const crdt::version_vector& observed) {
  wire::writer out;
  out.u8(format_version);
  crdt::encode(out, observed);
  auto content = std::move(out).take();
  const auto tag = secret.sign(purpose, covered(key, member, content));
  content.append(tag.data(), tag.size());
  return wire::to_base64(content);
}

std::optional<crdt::version_vector> decode_context(const wire::secret& secret, const crdt::key& key,
                                                   const crdt::payload& member,
                                                   std::string_view token) {
  if (token.size() > (context_bytes_max + 2) / 3 * 4)
    return std::nullopt;
  const auto bytes = wire::from_base64(token);
  if (!bytes || bytes->size() < sizeof(wire::tag))
    return std::nullopt;
  const std::string_view all = *bytes;
  const auto content = all.substr(0, all.size() - sizeof(wire::tag));
  if (!secret.verify(purpose, covered(key, member, content), all.substr(content.size())))
    return std::nullopt;

  wire::reader in{content};
  if (in.u8() != format_version)
    in.fail("unknown version of the context format");
  auto observed = crdt::decode_version_vector(in);
  in.expect_end();
  if (!in.ok())
    return std::nullopt;
  return observed;
}

} // namespace starling::http
