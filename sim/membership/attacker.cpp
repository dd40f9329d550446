#include "sim/membership/attacker.hpp"

namespace starling::simulation {

namespace {

constexpr std::size_t seen_max = 64;
constexpr std::size_t cluster_begin = 2; // in a packet
constexpr std::size_t cluster_bytes = 8;

/// Marks of packets that nobody sent.
constexpr std::uint64_t forged_numbers = std::uint64_t{1} << 60;

} // namespace

void attacker::sees(const datagram& d) {
  if (seen_.size() < seen_max)
    seen_.push_back(d);
  else if (const auto place = random_.below(4 * seen_max); place < seen_max)
    seen_[place] = d; // so that some are old
}

void attacker::sees(const recorded_call& c) {
  if (calls_.size() < seen_max)
    calls_.push_back(c);
  else if (const auto place = random_.below(4 * seen_max); place < seen_max)
    calls_[place] = c;
}

void attacker::call_again(const std::vector<address>& victims) {
  if (calls_.empty())
    return;
  auto c = random_.one_of(calls_);
  if (random_.chance(0.5))
    c.to = random_.one_of(victims);
  call(c);
}

void attacker::is_answered(const datagram& d) {
  if (!asked_)
    return;
  auto passed_on = d;
  passed_on.from = asked_->to;
  passed_on.to = asked_->from;
  send(std::move(passed_on), origin::kind::replayed);
}

void attacker::strikes(const std::vector<address>& victims) {
  if (seen_.empty() || victims.empty())
    return;
  if (random_.chance(0.2))
    return call_again(victims);
  auto d = random_.one_of(seen_);
  const auto resign = [&](std::string bytes) {
    bytes.resize(bytes.size() - std::tuple_size_v<wire::tag>);
    const auto tag = other_key_.sign(membership::packet_purpose, bytes);
    bytes.append(tag.data(), tag.size());
    d.bytes = std::make_shared<const std::string>(std::move(bytes));
  };
  switch (random_.below(8)) {
  case 0: // once more
    return send(d, origin::kind::replayed);
  case 1: // to somebody else
    d.to = random_.one_of(victims);
    return send(d, origin::kind::replayed);
  case 2: // to somebody else, to be answered
    asked_ = d;
    d.to = random_.one_of(victims);
    d.from = home;
    return send(d, origin::kind::replayed);
  case 3: // back to whom it is from
    std::swap(d.from, d.to);
    return send(d, origin::kind::replayed);
  case 4: // spoiled
    d.bytes = std::make_shared<const std::string>(spoiled(*d.bytes, random_));
    return send(d, origin::kind::worthless);
  case 5: // changed, and signed with another key
    resign(spoiled(std::string(*d.bytes), random_) + std::string(32, 'x'));
    return send(d, origin::kind::worthless);
  case 6: { // as if from another cluster
    auto bytes = *d.bytes;
    bytes.replace(cluster_begin, cluster_bytes, other_key_.cluster_id().data(), cluster_bytes);
    resign(std::move(bytes));
    return send(d, origin::kind::worthless);
  }
  default: { // noise
    std::string bytes(random_.below(200), '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random_.bits());
    d.bytes = std::make_shared<const std::string>(std::move(bytes));
    d.from = home;
    return send(d, origin::kind::worthless);
  }
  }
}

void attacker::send(datagram d, origin::kind is) {
  auto known = *static_cast<const origin*>(d.note.get());
  known.is = is;
  d.note = std::make_shared<const origin>(known);
  if (is == origin::kind::worthless)
    d.number = forged_numbers + ++forged_;
  net_.send(d);
}

} // namespace starling::simulation
