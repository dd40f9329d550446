#include "http/api/json_text.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace starling::http {

namespace {

namespace json = boost::json;

/// Keeps nothing of what the parser finds.
struct ignore_all {
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;

  using text = json::string_view;
  using error = json::error_code;

  bool on_document_begin(error&) { return true; }
  bool on_document_end(error&) { return true; }
  bool on_object_begin(error&) { return true; }
  bool on_object_end(std::size_t, error&) { return true; }
  bool on_array_begin(error&) { return true; }
  bool on_array_end(std::size_t, error&) { return true; }
  bool on_key_part(text, std::size_t, error&) { return true; }
  bool on_key(text, std::size_t, error&) { return true; }
  bool on_string_part(text, std::size_t, error&) { return true; }
  bool on_string(text, std::size_t, error&) { return true; }
  bool on_number_part(text, error&) { return true; }
  bool on_int64(std::int64_t, text, error&) { return true; }
  bool on_uint64(std::uint64_t, text, error&) { return true; }
  bool on_double(double, text, error&) { return true; }
  bool on_bool(bool, error&) { return true; }
  bool on_null(error&) { return true; }
  bool on_comment_part(text, error&) { return true; }
  bool on_comment(text, error&) { return true; }
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Walks over checked text.
class scanner {
public:
  explicit scanner(std::string_view text) : rest_(text) { skip_space(); }

  char next() const { return rest_.empty() ? '\0' : rest_.front(); }

  /// Takes one of `{ } [ ] , :` and the space behind it.
  void skip_mark() {
    rest_.remove_prefix(1);
    skip_space();
  }

  /// Takes a whole value and the space behind it.
  std::string_view value() {
    const auto result = rest_.substr(0, value_size());
    rest_.remove_prefix(result.size());
    skip_space();
    return result;
  }

private:
  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front()))
      rest_.remove_prefix(1);
  }

  std::size_t value_size() const {
    std::size_t depth = 0;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (c == '"') {
        i = string_end(i);
        if (depth == 0)
          return i + 1;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (depth == 0 && (c == ',' || c == '}' || c == ']' || is_space(c))) {
        return i; // ends a number or a literal
      } else if (c == '}' || c == ']') {
        if (--depth == 0)
          return i + 1;
      }
    }
    return rest_.size();
  }

  std::size_t string_end(std::size_t begin) const {
    auto i = begin + 1;
    while (i < rest_.size() && rest_[i] != '"')
      i += rest_[i] == '\\' ? 2 : 1;
    return i;
  }

  std::string_view rest_;
};

/// What the parser has against a text, and where.
std::pair<json::error_code, std::size_t> parse(std::string_view text) {
  json::parse_options options;
  options.max_depth = json_depth_max;
  json::basic_parser<ignore_all> parser{options};
  json::error_code error;
  const auto used = parser.write_some(false, text.data(), text.size(), error);
  if (!error && used < text.size())
    error = json::error::extra_data;
  return {error, used};
}

/// The same text with zeros for the digits of each exponent. The parser refuses exponents of more
/// than 31 bits, which JSON allows; what it says of this text holds for the other one, since only
/// digits have changed, and none of them within a string.
std::string without_exponents(std::string_view text) {
  std::string result{text};
  bool in_string = false;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const char c = result[i];
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      i += c == '\\' ? 1 : 0; // what is escaped ends no string
    } else if ((c == 'e' || c == 'E') && i > 0 && is_digit(result[i - 1])) {
      if (i + 1 < result.size() && (result[i + 1] == '+' || result[i + 1] == '-'))
        ++i;
      while (i + 1 < result.size() && is_digit(result[i + 1]))
        result[++i] = '0';
    }
  }
  return result;
}

} // namespace

std::optional<json_error> check_json(std::string_view text) {
  auto [error, position] = parse(text);
  if (error == json::error::exponent_overflow)
    std::tie(error, position) = parse(without_exponents(text));
  if (error)
    return json_error{error.message(), position};
  return std::nullopt;
}

std::optional<std::vector<json_member>> members_of(std::string_view text) {
  scanner in{text};
  if (in.next() != '{')
    return std::nullopt;
  std::vector<json_member> result;
  in.skip_mark();
  while (in.next() != '}') {
    auto name = *string_of(in.value());
    in.skip_mark();
    result.push_back({std::move(name), in.value()});
    if (in.next() == ',')
      in.skip_mark();
  }
  return result;
}

std::optional<std::vector<std::string_view>> elements_of(std::string_view text) {
  scanner in{text};
  if (in.next() != '[')
    return std::nullopt;
  std::vector<std::string_view> result;
  in.skip_mark();
  while (in.next() != ']') {
    result.push_back(in.value());
    if (in.next() == ',')
      in.skip_mark();
  }
  return result;
}

std::optional<std::string> string_of(std::string_view text) {
  scanner in{text};
  if (in.next() != '"')
    return std::nullopt;
  const auto quoted = in.value();
  if (quoted.find('\\') == std::string_view::npos)
    return std::string{quoted.substr(1, quoted.size() - 2)};
  json::error_code error;
  const auto decoded = json::parse({quoted.data(), quoted.size()}, error);
  return std::string{decoded.as_string()};
}

bool is_integer(std::string_view text) {
  const auto digits = text.substr(text.starts_with('-') ? 1 : 0);
  return !digits.empty() && std::ranges::all_of(digits, is_digit) &&
         (digits.size() == 1 || digits.front() != '0');
}

std::string compact(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!in_string && is_space(c))
      continue;
    result.push_back(c);
    if (c == '"')
      in_string = !in_string;
    else if (c == '\\')
      result.push_back(text[++i]); // what is escaped ends no string
  }
  return result;
}

std::string quote(std::string_view text) {
  std::string result;
  append_quoted(result, text);
  return result;
}

void append_quoted(std::string& out, std::string_view text) {
  const auto is_plain = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
  };
  if (std::ranges::all_of(text, is_plain))
    out.append(1, '"').append(text).append(1, '"'); // nearly all is, and this is much faster
  else
    out += json::serialize(json::string_view{text.data(), text.size()});
}

} // namespace starling::http
