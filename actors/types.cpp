#include "actors/types.hpp"

#include "actors/interfaces.hpp"

#include <caf/default_enum_inspect.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/typed_message_view.hpp>

#include <array>
#include <string_view>

namespace starling::actors {

namespace {

constexpr std::array<std::string_view, 13> names{
    "no_such_key",  "counter_range", "exhausted", "value_too_large", "bad_message",
    "foreign_peer", "unreachable",   "disk_full", "disk_failed",     "being_mended",
    "unreadable",   "write_unknown", "key_busy"};

} // namespace

bool is_of_disk(const caf::error& why) {
  return why == errc::disk_full || why == errc::disk_failed || why == errc::unreadable ||
         why == errc::write_unknown;
}

std::string to_string(errc code) {
  const auto at = static_cast<std::size_t>(code) - 1;
  return at < names.size() ? std::string{names[at]} : "unknown error";
}

std::string reason_of(const caf::error& why) {
  if (const auto sentence = caf::make_const_typed_message_view<std::string>(why.context()))
    return caf::get<0>(sentence);
  return to_string(why);
}

bool from_string(caf::string_view text, errc& code) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == std::string_view{text.data(), text.size()}) {
      code = static_cast<errc>(i + 1);
      return true;
    }
  }
  return false;
}

bool from_integer(std::uint8_t number, errc& code) {
  if (number < 1 || number > names.size())
    return false;
  code = static_cast<errc>(number);
  return true;
}

void register_types() {
  [[maybe_unused]] static const bool once = [] {
    caf::init_global_meta_objects<caf::id_block::starling>();
    caf::init_global_meta_objects<caf::id_block::starling_handles>();
    caf::core::init_global_meta_objects();
    return true;
  }();
}

} // namespace starling::actors
