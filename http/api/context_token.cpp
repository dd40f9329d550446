#include "http/api/context_token.hpp"

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
  return std::string{context_writer{secret, key}.token(member, observed)};
}

context_writer::context_writer(const wire::secret& secret, const crdt::key& key)
    : signer_(secret, purpose) {
  crdt::encode(covered_, key);
  begin_ = covered_.size();
}

std::string_view context_writer::token(const crdt::payload& member,
                                       const crdt::version_vector& observed) {
  covered_.truncate(begin_);
  crdt::encode(covered_, member);
  const auto content_begin = covered_.size();
  covered_.u8(format_version);
  crdt::encode(covered_, observed);
  const auto tag = signer_.sign(covered_.view());
  content_.assign(covered_.view().substr(content_begin)).append(tag.data(), tag.size());
  text_ = wire::to_base64(content_);
  return text_;
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
