#include "sim/membership/process.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace starling::simulation {

namespace {

/// What a socket's buffer holds.
constexpr std::size_t waiting_max = 512;

} // namespace

process::process(timeline& time, const birth& b, const membership::settings& s,
                 const wire::secret& secret, std::function<void(process&, const input&)> done)
    : core(s, b.self, secret, b.seeds, b.random_seed, b.clock_start), born(b), where(b.where),
      time_(time), done_(std::move(done)),
      guard_(b.self.session, 2 * s.max_members, b.self.abilities.speaks),
      anchor_global_(time.now()), anchor_local_(b.clock_start) {}

void process::stop() {
  running_ = false;
  mailbox_.clear();
  outside_.clear();
  unsent_.clear();
}

// -- its clock --

duration process::clock() const {
  const auto passed = static_cast<double>((time_.now() - anchor_global_).count());
  return anchor_local_ + duration{std::llround(passed * born.clock_rate)};
}

duration process::global(duration local) const {
  const auto passed = static_cast<double>((local - anchor_local_).count());
  return anchor_global_ + duration{static_cast<duration::rep>(std::ceil(passed / born.clock_rate))};
}

// -- inputs --

std::optional<std::string> process::answer(membership::call_kind kind, std::string_view call) {
  const auto admission = guard_.admit(call);
  const auto* admitted = std::get_if<wire::call_guard::admitted>(&admission);
  is_core_spared_ = admitted == nullptr;
  if (const auto* other = std::get_if<wire::call_guard::challenged>(&admission))
    return other->answer;
  if (admitted == nullptr)
    return std::nullopt;
  auto answered = core.answer(clock(), kind, admitted->content);
  return answered ? std::optional{*std::move(answered)} : std::nullopt;
}

void process::arrives(input what, std::function<void()> handle) {
  if (!running_ || asleep_)
    return;
  waiting w{what, {}, std::move(handle)};
  if (is_io_blocked())
    outside_.push_back(std::move(w));
  else
    enqueue(std::move(w));
}

void process::arrives(const datagram& d, std::function<void()> handle) {
  if (!running_ || asleep_ || mailbox_.size() + outside_.size() >= waiting_max)
    return;
  waiting w{{input_kind::datagram, nullptr}, d, std::move(handle)};
  if (is_io_blocked())
    outside_.push_back(std::move(w));
  else
    enqueue(std::move(w));
}

void process::happens(input what, std::function<void()> handle) {
  if (running_)
    enqueue({what, {}, std::move(handle)});
}

void process::departs(std::function<void()> send) {
  if (is_io_blocked())
    unsent_.push_back(std::move(send));
  else
    send();
}

void process::enqueue(waiting w) {
  mailbox_.push_back(std::move(w));
  drain();
}

void process::drain() {
  const auto number = ++drain_number_; // a handler may bring more
  while (running_ && !is_paused() && !mailbox_.empty() && number == drain_number_) {
    if (time_.now() < busy_until_) {
      time_.at(busy_until_, [this, number] {
        if (number == drain_number_)
          drain();
      });
      return;
    }
    auto next = std::move(mailbox_.front());
    mailbox_.pop_front();
    if (time_.now() < slow_until_)
      busy_until_ = time_.now() + cost_;
    if (next.what.kind == input_kind::tick)
      tick_waits_ = false;
    next.handle();
    if (!running_)
      return;
    auto what = next.what;
    if (what.kind == input_kind::other)
      continue;
    if (what.kind == input_kind::datagram)
      what.packet = &next.packet;
    if (!std::exchange(is_core_spared_, false))
      done_(*this, what);
    schedule_tick();
  }
}

// -- ticks --

void process::schedule_tick() {
  const auto number = ++tick_number_;
  const auto next = core.next_tick();
  if (!next || tick_waits_)
    return;
  time_.at(std::max(global(*next), time_.now() + duration{1}), [this, number] {
    if (running_ && number == tick_number_)
      tick_is_due();
  });
}

void process::tick_is_due() {
  if (is_paused()) {
    tick_missed_ = true;
    return;
  }
  tick_waits_ = true;
  enqueue({{input_kind::tick, nullptr}, {}, [this] { core.tick(clock()); }});
}

// -- mischief --

void process::pause(duration length) {
  const auto end = time_.now() + length;
  if (!running_ || end <= paused_until_)
    return;
  paused_until_ = end;
  time_.at(end, [this] {
    if (!running_ || is_paused())
      return;
    drain();
    if (std::exchange(tick_missed_, false))
      tick_is_due();
  });
}

void process::block_io(duration length) {
  const auto end = time_.now() + length;
  if (!running_ || end <= io_blocked_until_)
    return;
  io_blocked_until_ = end;
  time_.at(end, [this] {
    if (!running_ || is_io_blocked())
      return;
    for (auto& send : std::exchange(unsent_, {}))
      send();
    for (auto& w : std::exchange(outside_, {}))
      if (running_)
        enqueue(std::move(w));
  });
}

void process::sleep(duration length) {
  if (!running_ || asleep_)
    return;
  const auto local = clock();
  asleep_ = true;
  time_.at(time_.now() + length, [this, local] {
    asleep_ = false;
    anchor_local_ = local;
    anchor_global_ = time_.now();
  });
  pause(length);
}

void process::slow_down(duration each_input, duration length) {
  slow_until_ = time_.now() + length;
  cost_ = each_input;
}

} // namespace starling::simulation
