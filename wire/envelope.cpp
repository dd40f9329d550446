#include "wire/envelope.hpp"

#include "wire/result.hpp"

namespace starling::wire {

namespace {

constexpr std::uint8_t format_version = 1;
constexpr std::size_t tag_size = std::tuple_size_v<tag>;
constexpr std::size_t head_size = envelope_size - tag_size;

std::string_view view(const tag& t) {
  return {t.data(), t.size()};
}

std::string purpose_of(std::string_view path) {
  return std::string{"request "}.append(path);
}

std::string covered_by_answer(std::string_view request_tag, std::string_view content) {
  // All tags have one size, so it is clear where the content begins.
  return std::string{request_tag}.append(content);
}

} // namespace

std::string_view to_string(envelope_error e) {
  switch (e) {
  case envelope_error::malformed:
    return "not a message of a known version";
  case envelope_error::foreign_cluster:
    return "from a cluster with another name or key";
  case envelope_error::not_authentic:
    return "altered on the way";
  }
  return "unknown";
}

std::string seal_request(const secret& s, std::string_view path, nonce unique,
                         std::string_view content) {
  writer out;
  out.u8(format_version);
  out.raw(view(s.cluster_id()));
  for (const auto part : {unique.high, unique.low})
    for (int shift = 0; shift < 64; shift += 8)
      out.u8(static_cast<std::uint8_t>(part >> shift));
  out.raw(content);
  auto result = std::move(out).take();
  return result.append(view(s.sign(purpose_of(path), result)));
}

result<opened_request, envelope_error> open_request(const secret& s, std::string_view path,
                                                    std::string_view sealed) {
  if (sealed.size() < envelope_size || sealed[0] != format_version)
    return envelope_error::malformed;
  const auto cluster = s.cluster_id();
  if (sealed.substr(1, tag_size) != view(cluster))
    return envelope_error::foreign_cluster;
  const auto covered = sealed.substr(0, sealed.size() - tag_size);
  const auto given = sealed.substr(covered.size());
  if (!s.verify(purpose_of(path), covered, given))
    return envelope_error::not_authentic;
  return opened_request{covered.substr(head_size), given};
}

std::string seal_answer(const secret& s, std::string_view request_tag, std::string_view content) {
  std::string result{static_cast<char>(format_version)};
  result.append(content);
  return result.append(view(s.sign("answer", covered_by_answer(request_tag, content))));
}

result<std::string_view, envelope_error>
open_answer(const secret& s, std::string_view sealed_request, std::string_view sealed) {
  if (sealed.size() < 1 + tag_size || sealed[0] != format_version)
    return envelope_error::malformed;
  const auto content = sealed.substr(1, sealed.size() - 1 - tag_size);
  const auto request_tag = sealed_request.substr(sealed_request.size() - tag_size);
  if (!s.verify("answer", covered_by_answer(request_tag, content),
                sealed.substr(sealed.size() - tag_size)))
    return envelope_error::not_authentic;
  return content;
}

} // namespace starling::wire
