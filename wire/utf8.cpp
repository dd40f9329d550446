#include "wire/utf8.hpp"

#include <cstddef>

namespace starling::wire {

namespace {

struct character_form {
  std::size_t size = 0; // in bytes; 0 if no character begins so
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xbf;
};

/// How a character that begins with this byte goes on. What is too long, a surrogate or too large
/// shows in the second byte (RFC 3629, 4).
character_form form_of(unsigned char first) {
  if (first < 0x80)
    return {.size = 1};
  if (first < 0xc2 || first > 0xf4)
    return {};
  if (first < 0xe0)
    return {.size = 2};
  if (first < 0xf0)
    return {3, static_cast<unsigned char>(first == 0xe0 ? 0xa0 : 0x80),
            static_cast<unsigned char>(first == 0xed ? 0x9f : 0xbf)};
  return {4, static_cast<unsigned char>(first == 0xf0 ? 0x90 : 0x80),
          static_cast<unsigned char>(first == 0xf4 ? 0x8f : 0xbf)};
}

bool is_character(std::string_view bytes, const character_form& form) {
  if (form.size == 0 || bytes.size() < form.size)
    return false;
  for (std::size_t i = 1; i < form.size; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte < (i == 1 ? form.second_min : 0x80) || byte > (i == 1 ? form.second_max : 0xbf))
      return false;
  }
  return true;
}

} // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto form = form_of(static_cast<unsigned char>(text.front()));
    if (!is_character(text, form))
      return false;
    text.remove_prefix(form.size);
  }
  return true;
}

} // namespace starling::wire
