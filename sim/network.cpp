#include "sim/network.hpp"

#include <algorithm>
#include <cmath>

namespace starling::simulation {

namespace {

using std::chrono::milliseconds;

/// When a stream repeats what was lost, for the first time and for the last.
constexpr duration resend_after = milliseconds{200};
constexpr duration resend_most = milliseconds{6400};

/// Pareto's distribution with the exponent 1.2, from 5 ms up to 10 s.
duration heavy_tail(dice& random) {
  const auto seconds = 0.005 * std::pow(1.0 - random.unit(), -1.0 / 1.2);
  return duration{static_cast<duration::rep>(std::min(seconds, 10.0) * 1e6)};
}

} // namespace

std::string spoiled(std::string bytes, dice& random) {
  if (random.chance(0.3)) {
    bytes.resize(random.below(bytes.size()));
    return bytes;
  }
  const auto before = bytes;
  do
    for (auto left = 1 + random.below(4); left > 0; --left) {
      const auto place = random.below(bytes.size());
      bytes[place] = static_cast<char>(bytes[place] ^ (1 << random.below(8)));
    }
  while (bytes == before);
  return bytes;
}

bool network::concerns(const disturbance& d, address from, address to) const {
  if (from.host == to.host)
    return false; // a machine reaches itself
  return d.where.empty() || std::ranges::any_of(d.where, [&](const links& l) {
           return l.from[from.host] && l.to[to.host];
         });
}

bool network::is_cut(address from, address to, bool is_stream) const {
  return std::ranges::any_of(disturbances_, [&](const auto& one) {
    return one.second.cut && !(is_stream && one.second.spares_streams) &&
           concerns(one.second, from, to);
  });
}

duration network::delay(address from, address to, bool is_stream) {
  auto result = random_.between(delay_min, delay_max);
  for (const auto& [number, d] : disturbances_) {
    if (!concerns(d, from, to))
      continue;
    if (d.late > 0 && random_.chance(d.late))
      result += random_.between(duration{0}, d.late_max);
    if (d.tail > 0 && random_.chance(d.tail))
      result += heavy_tail(random_);
    if (is_stream)
      for (auto wait = resend_after; wait < resend_most && random_.chance(d.loss); wait *= 2)
        result += wait;
  }
  return result;
}

void network::send(const datagram& d) {
  double kept = 1;
  double repeat = 0;
  double spoil = 0;
  for (const auto& [number, one] : disturbances_) {
    if (!concerns(one, d.from, d.to))
      continue;
    kept *= 1 - one.loss;
    repeat = std::max(repeat, one.repeat);
    spoil = std::max(spoil, one.spoil);
  }
  if (!random_.chance(kept))
    return;
  for (int copies = random_.chance(repeat) ? 2 : 1; copies > 0; --copies) {
    auto copy = d;
    if (random_.chance(spoil) && !d.bytes->empty()) {
      copy.bytes = std::make_shared<const std::string>(spoiled(*d.bytes, random_));
      copy.spoiled = true;
    }
    carry(std::move(copy), delay(d.from, d.to, false));
  }
}

void network::carry(datagram d, duration after) {
  time_.after(after, [this, d = std::move(d)] {
    if (!is_cut(d.from, d.to))
      receive(d);
  });
}

void network::send_stream(address from, address to, std::function<void()> arrive) {
  time_.after(delay(from, to, true), [this, from, to, arrive = std::move(arrive)] {
    if (!is_cut(from, to, true))
      arrive();
  });
}

std::uint64_t network::disturb(disturbance d) {
  disturbances_.emplace(++last_, std::move(d));
  return last_;
}

} // namespace starling::simulation
