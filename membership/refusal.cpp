#include "membership/refusal.hpp"

#include "wire/bytes.hpp"
#include "wire/fields.hpp"

#include <algorithm>
#include <chrono>

namespace starling::membership {

namespace {

constexpr std::uint8_t answer_refusal = 2; // after content and challenge, see wire/call.hpp
constexpr std::uint64_t ranges_field = 1;

/// RFC 3339, in UTC.
std::string text_of_time(std::uint64_t milliseconds) {
  using namespace std::chrono;
  // Beyond the year 9999 nothing is shown that anybody would read.
  constexpr std::uint64_t last = 253'402'300'799'000;
  const sys_seconds when{seconds{static_cast<std::int64_t>(std::min(milliseconds, last) / 1000)}};
  const auto day = floor<days>(when);
  const year_month_day date{day};
  const hh_mm_ss time{when - day};
  const auto padded = [](auto number, std::size_t digits) {
    auto text = std::to_string(number);
    return std::string(digits - std::min(digits, text.size()), '0') + text;
  };
  return padded(static_cast<int>(date.year()), 4) + "-" +
         padded(static_cast<unsigned>(date.month()), 2) + "-" +
         padded(static_cast<unsigned>(date.day()), 2) + "T" + padded(time.hours().count(), 2) +
         ":" + padded(time.minutes().count(), 2) + ":" + padded(time.seconds().count(), 2) + "Z";
}

std::string text_of_span(std::uint64_t milliseconds) {
  const auto hours = milliseconds / 3'600'000;
  return hours < 48 ? std::to_string(hours) + " hours" : std::to_string(hours / 24) + " days";
}

} // namespace

std::string_view to_string(refusal_reason r) {
  switch (r) {
  case refusal_reason::clock:
    return "clock";
  case refusal_reason::full:
    return "members";
  case refusal_reason::foreign:
    return "cluster";
  case refusal_reason::version:
    return "version";
  }
  return "unknown";
}

std::string describe(const refusal& r) {
  switch (r.reason) {
  case refusal_reason::clock:
    return "the one started at " + text_of_time(r.generation) + " by its clock, which is " +
           text_of_span(r.generation - std::min(r.clock, r.generation)) +
           " ahead of the clock of the other, " + text_of_time(r.clock) +
           "; set the clock that is wrong, nothing has to be restarted";
  case refusal_reason::full:
    return "there are as many members as swim.max-members allows, " + std::to_string(r.members) +
           "; raise that on all nodes, or have some leave";
  case refusal_reason::foreign:
    return r.why;
  case refusal_reason::version:
    return "the one speaks version " + to_string(r.theirs) +
           " of the protocol between nodes, and the other " + to_string(r.speaks) +
           "; update the older one, over a version in between if need be";
  }
  return "for a reason that only a later version knows";
}

std::string encode_answer(const refusal& r) {
  wire::writer out;
  out.u8(answer_refusal);
  out.u8(static_cast<std::uint8_t>(r.reason));
  out.varint(r.clock);
  out.varint(r.generation);
  out.varint(r.members);
  out.bytes(r.name);
  if (r.reason == refusal_reason::version) {
    wire::writer ranges;
    encode(ranges, r.speaks);
    encode(ranges, r.theirs);
    wire::put_field(out, ranges_field, ranges.view());
  }
  wire::end_fields(out);
  return std::move(out).take();
}

std::optional<refusal> decode_refusal(std::string_view answer) {
  wire::reader in{answer};
  if (in.u8() != answer_refusal)
    return std::nullopt;
  refusal r;
  r.reason = static_cast<refusal_reason>(in.u8());
  r.clock = in.varint();
  r.generation = in.varint();
  r.members = in.varint();
  r.name = in.bytes(name_bytes_max);
  bool has_ranges = false;
  wire::read_fields(in, [&](std::uint64_t number, std::string_view bytes) {
    if (number != ranges_field)
      return;
    wire::reader ranges{bytes};
    r.speaks = wire::decode_protocol_range(ranges);
    r.theirs = wire::decode_protocol_range(ranges);
    has_ranges = ranges.ok() && ranges.remaining() == 0;
  });
  in.expect_end();
  const bool is_complete = r.reason != refusal_reason::version || has_ranges;
  const bool is_sent = r.reason != refusal_reason{} && r.reason != refusal_reason::foreign;
  const bool is_printable =
      std::ranges::all_of(r.name, [](char c) { return c >= ' ' && c <= '~'; });
  return in.ok() && is_complete && is_sent && is_printable ? std::optional{r} : std::nullopt;
}

bool refusals::note(const std::string& address, const refusal& what, duration now) {
  const auto known = entries_.find(address);
  if (known == entries_.end()) {
    if (entries_.size() == capacity)
      return false;
    entries_.emplace(address, entry{what, now, now});
    return true;
  }
  auto& e = known->second;
  const bool is_news = e.what.reason != what.reason;
  if (is_news)
    e.since = now;
  e.what = what;
  e.last = now;
  return is_news;
}

} // namespace starling::membership
