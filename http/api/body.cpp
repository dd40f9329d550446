#include "http/api/body.hpp"

#include <algorithm>
#include <charconv>

namespace starling::http {

namespace {

constexpr std::size_t line_bytes_max = 1024;
constexpr std::size_t trailers_max = 16;

problem malformed(std::string why) {
  return {problem_code::bad_request, std::move(why), {}};
}

problem too_large(std::size_t bytes_max) {
  return {problem_code::body_too_large, "the limit is " + std::to_string(bytes_max) + " bytes", {}};
}

std::string_view without_leading_white_space(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
}

/// Takes a token or a quoted string from the front; false if there is none.
bool take_word(std::string_view& text) {
  if (!text.starts_with('"')) {
    const auto end = std::min(text.find_first_of(" \t;="), text.size());
    const bool found = is_token(text.substr(0, end));
    text.remove_prefix(end);
    return found;
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    i += text[i] == '\\' ? 1 : 0;
  }
  return false;
}

/// Whether this is what may follow the size of a chunk: `;name` or `;name=value`, any number of
/// them.
bool are_extensions(std::string_view text) {
  const auto is_control = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; };
  if (std::ranges::any_of(text, is_control))
    return false;
  while (!text.empty()) {
    text = without_leading_white_space(text);
    if (!text.starts_with(';'))
      return false;
    text = without_leading_white_space(text.substr(1));
    if (text.starts_with('"') || !take_word(text))
      return false;
    const auto value = without_leading_white_space(text);
    if (!value.starts_with('='))
      continue;
    text = without_leading_white_space(value.substr(1));
    if (!take_word(text))
      return false;
  }
  return true;
}

} // namespace

body_reader::body_reader(const framing& how, std::size_t bytes_max) : bytes_max_(bytes_max) {
  if (how.chunked) {
    expected_ = part::chunk_size;
  } else if (how.length.value_or(0) > 0) {
    expected_ = part::content;
    left_ = *how.length;
    too_large_ = left_ > bytes_max;
  }
}

wire::possible<problem> body_reader::read(std::string_view& bytes) {
  if (too_large_)
    return too_large(bytes_max_);
  while (!bytes.empty() && !is_done()) {
    if (expected_ == part::content || expected_ == part::chunk)
      append(bytes);
    else if (auto refused = read_line(bytes))
      return refused;
  }
  return std::nullopt;
}

/// Memory follows what has really come, not what was announced.
void body_reader::append(std::string_view& bytes) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  content_.append(bytes.substr(0, size));
  bytes.remove_prefix(size);
  left_ -= size;
  if (left_ == 0)
    expected_ = expected_ == part::content ? part::nothing : part::chunk_end;
}

wire::possible<problem> body_reader::read_line(std::string_view& bytes) {
  const auto size = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
  line_.append(bytes.substr(0, size));
  bytes.remove_prefix(size);
  if (expected_ == part::chunk_end && !std::string_view{"\r\n"}.starts_with(line_))
    return malformed("a chunk is not as long as it says");
  if (line_.size() > line_bytes_max)
    return malformed("a line between chunks is too long");
  if (!line_.ends_with('\n'))
    return std::nullopt;
  if (!line_.ends_with("\r\n"))
    return malformed("a line ends with CR LF");
  line_.resize(line_.size() - 2);
  auto refused = end_line();
  line_.clear();
  return refused;
}

wire::possible<problem> body_reader::end_line() {
  if (expected_ == part::chunk_size)
    return begin_chunk(line_);
  if (expected_ == part::chunk_end) {
    expected_ = part::chunk_size;
    return std::nullopt;
  }
  if (line_.empty()) {
    expected_ = part::nothing;
    return std::nullopt;
  }
  if (++trailers_ > trailers_max)
    return malformed("there are too many trailers");
  if (auto why = complaint_about_field(line_))
    return malformed(std::move(*why));
  return std::nullopt;
}

wire::possible<problem> body_reader::begin_chunk(std::string_view line) {
  const auto* begin = line.data();
  const auto [end, error] = std::from_chars(begin, begin + line.size(), left_, 16);
  const auto digits = static_cast<std::size_t>(end - begin);
  if (error == std::errc::invalid_argument || line.starts_with('-'))
    return malformed("a chunk has no size");
  if (!are_extensions(line.substr(digits)))
    return malformed("what follows the size of a chunk is no extension");
  if (error == std::errc::result_out_of_range || left_ > bytes_max_ - content_.size())
    return too_large(bytes_max_);
  expected_ = left_ == 0 ? part::trailer : part::chunk;
  return std::nullopt;
}

problem body_reader::cut_short() const {
  return malformed(expected_ == part::content ? "the body is shorter than Content-Length"
                                              : "the last chunk has not come");
}

} // namespace starling::http
