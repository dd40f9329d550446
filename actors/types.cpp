#include "actors/types.hpp"

#include "actors/interfaces.hpp"

#include <caf/default_enum_inspect.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/typed_message_view.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace starling::actors {

namespace {

constexpr std::array<std::string_view, 14> names{
    "no_such_key",  "counter_range", "exhausted", "value_too_large", "bad_message",
    "foreign_peer", "unreachable",   "disk_full", "disk_failed",     "being_mended",
    "unreadable",   "write_unknown", "key_busy",  "newer_format"};

/// The codes that have a reason of their own in the core of a key.
constexpr std::array<std::pair<errc, keyspace::reason>, 11> reasons{{
    {errc::no_such_key, keyspace::reason::no_such_key},
    {errc::counter_range, keyspace::reason::counter_range},
    {errc::exhausted, keyspace::reason::exhausted},
    {errc::value_too_large, keyspace::reason::value_too_large},
    {errc::disk_full, keyspace::reason::disk_full},
    {errc::disk_failed, keyspace::reason::disk_failed},
    {errc::unreadable, keyspace::reason::unreadable},
    {errc::write_unknown, keyspace::reason::write_unknown},
    {errc::newer_format, keyspace::reason::newer_format},
    {errc::unreachable, keyspace::reason::unavailable},
    {errc::bad_message, keyspace::reason::bad_message},
}};

/// The sentence that came with an error; empty if there was none.
std::string sentence_of(const caf::error& why) {
  const auto sentence = caf::make_const_typed_message_view<std::string>(why.context());
  return sentence ? caf::get<0>(sentence) : std::string{};
}

} // namespace

keyspace::failure to_failure(const caf::error& why) {
  for (const auto& [code, reason] : reasons)
    if (why == code)
      return {reason, sentence_of(why)};
  return {keyspace::reason::unavailable, to_string(why)};
}

caf::error to_error(const keyspace::failure& why) {
  for (const auto& [code, reason] : reasons)
    if (why.why == reason)
      return why.what.empty() ? caf::make_error(code) : caf::make_error(code, why.what);
  return caf::make_error(errc::unreachable, why.what);
}

bool is_of_disk(const caf::error& why) {
  return why == errc::disk_full || why == errc::disk_failed || why == errc::unreadable ||
         why == errc::write_unknown || why == errc::newer_format;
}

std::string to_string(errc code) {
  const auto at = static_cast<std::size_t>(code) - 1;
  return at < names.size() ? std::string{names[at]} : "unknown error";
}

std::string reason_of(const caf::error& why) {
  auto sentence = sentence_of(why);
  return sentence.empty() ? to_string(why) : sentence;
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

std::string_view to_string(certainty c) {
  switch (c) {
  case certainty::certain:
    return "certain";
  case certainty::asked:
    return "asked";
  case certainty::doubtful:
    return "doubtful";
  }
  return "unknown";
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
