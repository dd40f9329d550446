#include "sim/membership/world.hpp"

#include <algorithm>
#include <utility>

namespace starling::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Independent sources of randomness of a run; the kinds of faults have the first ones.
enum stream : std::uint64_t {
  world_stream = 2000,
  network_stream,
  attacker_stream,
  service_stream,
  versions_stream
};

/// Milliseconds since 1970 when a run begins.
constexpr std::uint64_t wall_clock_start = 1'700'000'000'000;

constexpr std::uint16_t first_port = 9080;
constexpr std::size_t spare_hosts = 8;
constexpr duration call_timeout = seconds{5};
constexpr duration look_up_time = milliseconds{2};
constexpr int slack_with_tenant = 150; // percent

/// Packets, calls and faults in the hash of a run.
enum what_happened : std::uint64_t { a_packet, an_arrival, a_call, an_answer, an_event, a_fault };

/// Where nothing listens.
constexpr address nobodys_address{hosts_max - 3, first_port};

/// An address as the text that leads to it, and back.
std::string text_of(const address& a) {
  return "at-" + std::to_string(a.host) + ":" + std::to_string(a.port);
}

std::optional<address> address_in(const std::string& text) {
  const auto colon = text.find(':');
  if (!text.starts_with("at-") || colon == std::string::npos)
    return std::nullopt;
  return address{static_cast<std::uint16_t>(std::stoul(text.substr(3, colon - 3))),
                 static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

std::size_t draw_nodes(dice& random) {
  const auto one = random.below(15);
  const auto other = random.below(15);
  return 2 + (random.chance(0.5) ? one : std::min(one, other)); // small ones more often
}

} // namespace

world::world(const run_options& options, tenant* tenant)
    : options_(options), tenant_(tenant), random_(options.seed, world_stream),
      net_(time_, dice{options.seed, network_stream}), versions_(options.seed, versions_stream) {
  is_mixed_ = versions_.chance(0.5);
  const auto drawn = draw_nodes(random_);
  nodes_ = options_.nodes.value_or(drawn);
  if (tenant == nullptr)
    for (const auto kind : {fault_kind::disk_full, fault_kind::disk_damage, fault_kind::set_back})
      options_.without.set(static_cast<std::size_t>(kind));
  else
    options_.without.set(static_cast<std::size_t>(fault_kind::clock_ahead));
  const auto begin = random_.between(duration{0}, seconds{10});
  end_of_faults_ = begin + random_.between(seconds{20}, seconds{120});
  faults_ = draw_faults(
      options_.seed,
      {.hosts = nodes_, .begin = begin, .end = end_of_faults_, .without = options_.without});
  draw_settings();
  draw_machines();
  net_.receive = [this](const datagram& d) { deliver(d); };
  attacker_ = std::make_unique<attacker>(net_, dice{options_.seed, attacker_stream});
  attacker_->call = [this](const recorded_call& c) { call_again(c); };
  // With a tenant it is not the point how soon members agree, only that they do.
  const auto slack = tenant_ == nullptr ? liveness::slack_of_clocks : slack_with_tenant;
  liveness_ = std::make_unique<liveness>(
      time_, log_, safety_, settings_, faults_, nodes_, processes_,
      [this](const std::string& name) { return look_up(name); }, slack);
}

void world::draw_settings() {
  const auto retention = random_.between(seconds{5}, seconds{20});
  net_.delay_max = random_.between(milliseconds{1}, milliseconds{15});
  for (const auto& f : faults_)
    if (f.kind == fault_kind::short_memory)
      settings_.dead_retention = retention;
}

void world::draw_machines() {
  const bool has_rival = std::ranges::any_of(
      faults_, [](const fault& f) { return f.kind == fault_kind::swap_clusters; });
  const auto rivals = std::min<std::size_t>(2 + random_.below(3), nodes_);
  const auto seeds = 1 + random_.below(std::min<std::size_t>(nodes_, 3));
  const bool have_aliases = random_.chance(0.5);
  const bool has_bad_seed = random_.chance(0.2);
  const bool is_insecure = random_.chance(0.2);
  const bool is_service = dice{options_.seed, service_stream}.chance(0.3);
  secrets_ = {wire::secret{"starling", is_insecure ? "" : "a key"},
              wire::secret{"rival", is_insecure ? "" : "a key"}};
  const auto add = [&](std::size_t cluster, std::size_t number, std::size_t host) {
    machine m;
    m.cluster = cluster;
    m.where = {static_cast<std::uint16_t>(host), first_port};
    const std::string prefix = cluster == 0 ? "n" : "rival-";
    m.name = prefix + std::to_string(number) + ":9080";
    m.alias = prefix + "seed-" + std::to_string(number) + ":9080";
    if (is_service) {
      m.service = prefix + "service:9080";
      m.seeds.push_back(m.service);
    }
    for (std::size_t s = 0; s < seeds && !is_service; ++s)
      m.seeds.push_back(prefix + (have_aliases ? "seed-" : "") + std::to_string(s) + ":9080");
    if (has_bad_seed)
      m.seeds.push_back("nobody:9080");
    m.clock_skew = static_cast<std::int64_t>(random_.below(4000)) - 2000;
    machines_.push_back(std::move(m));
  };
  for (std::size_t i = 0; i < nodes_; ++i)
    add(0, i, i);
  if (has_rival)
    for (std::size_t i = 0; i < rivals; ++i)
      add(1, i, nodes_ + spare_hosts + i);
  for (const auto& f : faults_)
    if (f.kind == fault_kind::drift)
      machines_[f.who].clock_rate = 0.9 + 0.2 * f.degree;
  const bool starts_slowly = random_.chance(0.3);
  for (std::size_t i = 0; i < machines_.size(); ++i)
    time_.at(random_.between(duration{0}, starts_slowly ? seconds{20} : seconds{2}),
             [this, i] { start(i); });
}

/// In half of the runs nodes are of several versions, and of another after each start: they speak
/// more versions of the protocol or fewer, and say of themselves what others do not know.
membership::abilities world::draw_abilities() {
  membership::abilities result{.values = {{1, 1}, {2, 1}, {3, 1}}};
  if (!is_mixed_)
    return result;
  result.speaks.newest = static_cast<std::uint8_t>(result.speaks.oldest + versions_.below(3));
  if (versions_.chance(0.3))
    result.values.pop_back();
  if (versions_.chance(0.5))
    result.others = {{100 + versions_.below(3), std::string(versions_.below(60), 'x')}};
  return result;
}

// -- the life of processes --

void world::start(std::size_t number) {
  auto& m = machines_[number];
  if (m.running != nullptr)
    return;
  const auto wall = wall_clock_of(m);
  // As the file is read in which both are kept.
  if (m.stored_generation >
      wall + static_cast<std::uint64_t>(settings_.clock_tolerance / milliseconds{1}))
    forget_disk(number);
  if (!m.stored_id) {
    const auto high = random_.bits();
    const auto low = random_.bits();
    m.stored_id = membership::node_id::from(high, low);
  }
  process::birth b{.number = processes_.size(),
                   .machine = number,
                   .cluster = m.cluster,
                   .where = m.where,
                   .seeds = m.seeds,
                   .random_seed = random_.bits(),
                   .clock_rate = m.clock_rate,
                   .clock_start = random_.between(duration{0}, seconds{1000})};
  b.self = {.id = *m.stored_id,
            .generation = std::max(m.stored_generation + 1, wall),
            .wall_clock = wall,
            .session = {random_.bits()},
            .address = m.name,
            .name = "machine " + std::to_string(number),
            .http_address = "",
            .last_generation = tenant_ == nullptr ? m.stored_generation : 0};
  b.self.abilities = draw_abilities();
  m.stored_generation = b.self.generation;
  processes_.push_back(
      std::make_unique<process>(time_, b, settings_, secrets_[m.cluster],
                                [this](process& p, const input& what) { handled(p, what); }));
  auto& p = *processes_.back();
  m.running = &p;
  listeners_[m.where] = &p;
  safety_.is_born(p);
  if (log_.listens())
    log_.tell(safety_.name(p) + " starts at " + to_string(udp_of(m.where)) + " as " + m.name);
  if (tenant_ != nullptr)
    tenant_->starts(p);
  p.happens({}, [this, &p] {
    safety_.before(p, {});
    p.core.start(p.clock(), udp_of(p.where));
  });
}

void world::stop(std::size_t number) {
  auto& m = machines_[number];
  if (m.running == nullptr)
    return;
  auto& p = *std::exchange(m.running, nullptr);
  if (log_.listens())
    log_.tell(safety_.name(p) + " stops");
  p.stop();
  std::erase_if(listeners_, [&](const auto& one) { return one.second == &p; });
  liveness_->ended(p);
  if (tenant_ != nullptr)
    tenant_->ends(p);
}

void world::move(std::size_t number, address to) {
  auto& m = machines_[number];
  m.where = to;
  if (m.running == nullptr)
    return;
  auto& p = *m.running;
  if (log_.listens())
    log_.tell(safety_.name(p) + " moves to " + to_string(udp_of(to)));
  std::erase_if(listeners_, [&](const auto& one) { return one.second == &p; });
  listeners_[to] = &p;
  p.where = to;
  p.happens({}, [this, &p] {
    safety_.before(p, {});
    p.core.start(p.clock(), udp_of(p.where));
  });
}

std::uint64_t world::wall_clock_of(const machine& m) const {
  return static_cast<std::uint64_t>(
      static_cast<std::int64_t>(wall_clock_start + m.clock_ahead +
                                static_cast<std::uint64_t>(time_.now() / milliseconds{1})) +
      m.clock_skew);
}

/// The machine is restarted while its clock is wrong, and later that is set.
void world::start_ahead(const fault& f) {
  constexpr std::uint64_t day = 24ull * 3600 * 1000;
  stop(f.who);
  machines_[f.who].clock_ahead = 2 * day + static_cast<std::uint64_t>(f.degree * 60) * day;
  start(f.who);
  time_.after(f.lasts, [this, who = f.who] {
    machines_[who].clock_ahead = 0;
    auto* p = machines_[who].running;
    if (p != nullptr)
      p->happens({}, [this, p, who] {
        safety_.before(*p, {});
        p->core.set_wall_clock(p->clock(), wall_clock_of(machines_[who]));
      });
  });
}

void world::forget_disk(std::size_t number) {
  machines_[number].stored_id.reset();
  machines_[number].stored_generation = 0;
}

// -- what goes wrong --

void world::run() {
  for (const auto& f : faults_)
    time_.at(f.at, [this, f] { apply(f); });
  bool are_over = false;
  time_.at(end_of_faults_, [&are_over] { are_over = true; });
  while (!log_.first() && !are_over)
    time_.step();
  if (log_.first())
    return;
  liveness_->faults_end();
  if (tenant_ != nullptr)
    tenant_->faults_end();
  if (log_.listens())
    log_.tell("all faults are over");
  const auto pace = milliseconds{250};
  bool is_done = false;
  std::function<void()> look = [&] {
    is_done = liveness_->is_done() && (tenant_ == nullptr || tenant_->is_done());
    if (!is_done)
      time_.after(pace, look);
  };
  time_.after(pace, look);
  while (!is_done && !log_.first())
    time_.step();
}

void world::apply(const fault& f) {
  log_.note(a_fault, static_cast<std::uint64_t>(f.kind));
  if (log_.listens() && f.kind != fault_kind::drift)
    log_.tell("FAULT " + std::string{to_string(f.kind)} + " of n" + std::to_string(f.who) +
              " for " + to_text(f.lasts) + " s, degree " + std::to_string(f.degree));
  if (is_of_network(f.kind)) {
    for (auto& one : disturbances_of(f, nodes_))
      time_.at(one.at, [this, one = std::move(one)] {
        const auto number = net_.disturb(one.what);
        time_.after(one.lasts, [this, number] { net_.end(number); });
      });
    return;
  }
  if (auto* p = machines_[f.who].running; p != nullptr)
    apply_to_process(f, *p);
  apply_to_node(f);
}

void world::apply_to_process(const fault& f, process& p) {
  switch (f.kind) {
  case fault_kind::pause_io:
    return p.block_io(f.lasts);
  case fault_kind::pause_process:
    return p.pause(f.lasts);
  case fault_kind::suspend:
    return p.sleep(f.lasts);
  case fault_kind::slow_cpu:
    return p.slow_down(duration{100 + static_cast<duration::rep>(f.degree * 20'000)}, f.lasts);
  case fault_kind::crash_lost:
    forget_disk(f.who);
    [[fallthrough]];
  case fault_kind::crash:
    stop(f.who);
    return restart_later(f.who, f.lasts);
  case fault_kind::disk_damage: {
    const bool goes_on = f.degree < 0.5;
    tenant_->disk_decays(p, goes_on);
    if (goes_on) {
      let_a_new_one_join(f);
      return stop_before(f, p);
    }
    stop(f.who);
    return restart_later(f.who, f.lasts);
  }
  case fault_kind::set_back:
    return copy_disk(f, p);
  case fault_kind::crash_for_good:
    return stop(f.who);
  case fault_kind::move:
    return move(f.who, {p.where.host, next_port_++});
  case fault_kind::move_restart: {
    stop(f.who);
    auto& m = machines_[f.who];
    m.where.port = next_port_++;
    if (f.degree < 0.5) // under another name, too
      m.name = "n" + std::to_string(f.who) + "-moved-" + std::to_string(m.where.port) + ":9080";
    return restart_later(f.who, f.lasts);
  }
  case fault_kind::clone:
    return add_clone(f);
  case fault_kind::clock_ahead:
    return start_ahead(f);
  case fault_kind::disk_full:
    return fill_disk(f, p);
  case fault_kind::leave:
    leave_now(f.who);
    p.leaves_for_good = f.degree < 0.7;
    // Most end as soon as they may, some go on to answer for a while.
    time_.after(seconds{4} + duration{f.salt % 6'000'000}, [this, &p, who = f.who] {
      if (machines_[who].running == &p && p.core.is_leaving())
        stop(who);
    });
    return;
  case fault_kind::rejoin:
    leave_now(f.who);
    time_.after(f.lasts, [this, who = f.who] { rejoin_now(who); });
    return;
  default:
    return;
  }
}

void world::apply_to_node(const fault& f) {
  dice random{f.salt};
  switch (f.kind) {
  case fault_kind::mass_restart:
    for (std::size_t i = 0; i < nodes_; ++i) {
      const bool keeps = random.chance(f.degree < 0.5 ? 1.0 : 0.5);
      const auto down = random.between(milliseconds{500}, f.lasts);
      if (machines_[i].running == nullptr)
        continue;
      stop(i);
      if (!keeps)
        forget_disk(i);
      restart_later(i, down);
    }
    return;
  case fault_kind::rolling_restart:
    for (std::size_t i = 0; i < nodes_; ++i) {
      const auto turn = f.lasts / static_cast<int>(nodes_);
      time_.after(static_cast<int>(i) * turn, [this, i, turn] {
        if (machines_[i].running == nullptr)
          return;
        stop(i);
        restart_later(i, turn / 2);
      });
    }
    return;
  case fault_kind::rolling_rejoin:
    for (std::size_t i = 0; i < nodes_; ++i) {
      const auto turn = f.lasts / static_cast<int>(nodes_);
      time_.after(static_cast<int>(i) * turn, [this, i, turn] {
        leave_now(i);
        time_.after(turn / 2, [this, i] { rejoin_now(i); });
      });
    }
    return;
  case fault_kind::seeds_out:
    seeds_out_until_ = std::max(seeds_out_until_, f.end());
    return;
  case fault_kind::seeds_gone:
    seeds_are_gone_ = true;
    return;
  case fault_kind::swap_clusters:
    return swap_clusters(f);
  case fault_kind::attacker:
    return strike_until(f.end());
  default:
    return;
  }
}

void world::call_on(process& p, const std::string& address) {
  p.happens({}, [this, &p, address] {
    safety_.before(p, {});
    p.core.call_on(p.clock(), address);
  });
}

void world::restart_later(std::size_t number, duration delay) {
  time_.after(delay, [this, number] { start(number); });
}

void world::leave_now(std::size_t number) {
  auto* p = machines_[number].running;
  if (p == nullptr)
    return;
  if (log_.listens())
    log_.tell(safety_.name(*p) + " leaves");
  p->happens({}, [this, p] {
    safety_.before(*p, {});
    p->core.leave(p->clock());
  });
}

void world::rejoin_now(std::size_t number) {
  auto* p = machines_[number].running;
  if (p == nullptr)
    return;
  if (log_.listens())
    log_.tell(safety_.name(*p) + " rejoins");
  p->happens({}, [this, p] {
    safety_.before(*p, {});
    p->core.rejoin(p->clock());
  });
}

/// The process goes on, until somebody sees that its disk is full, makes room and starts it again.
void world::fill_disk(const fault& f, process& p) {
  tenant_->disk_fills(p);
  stop_before(f, p);
}

/// The process goes on for most of the time that a fault lasts, and is started again at its end.
void world::stop_before(const fault& f, process& p) {
  const auto down = f.lasts / 4;
  time_.after(f.lasts - down, [this, &p, who = f.who, down] {
    if (machines_[who].running != &p)
      return;
    stop(who);
    restart_later(who, down);
  });
}

/// Meanwhile another one comes back with nothing, perhaps.
void world::let_a_new_one_join(const fault& f) {
  const auto other = f.salt % (2 * nodes_);
  if (other == f.who || other >= nodes_)
    return;
  time_.after(f.lasts / 4, [this, other, down = f.lasts / 8] {
    if (machines_[other].running == nullptr)
      return;
    stop(other);
    forget_disk(other);
    restart_later(other, down);
  });
}

/// A copy is made of the disk of a process, which goes on, perhaps in another life, and comes to
/// find the copy.
void world::copy_disk(const fault& f, process& p) {
  dice random{f.salt};
  tenant_->disk_is_copied(p, random.chance(0.5));
  if (random.chance(0.5)) {
    stop(f.who);
    restart_later(f.who, f.lasts / 8);
  }
  time_.after(f.lasts / 2, [this, f] {
    if (machines_[f.who].running != nullptr)
      set_back(f, *machines_[f.who].running);
  });
}

/// Those who could tell may lose what they knew while the process is down.
void world::set_back(const fault& f, process& p) {
  const auto down = f.lasts / 2;
  tenant_->disk_goes_back(p);
  stop(f.who);
  restart_later(f.who, down);
  dice random{f.salt + 1};
  if (random.chance(0.4))
    return;
  for (std::size_t i = 0; i < nodes_; ++i) {
    auto* other = machines_[i].running;
    if (i == f.who || other == nullptr || random.chance(0.2))
      continue;
    tenant_->disk_is_removed(*other);
    stop(i);
    restart_later(i, random.between(duration{0}, down));
  }
}

/// A copy of a machine, its disk included, starts elsewhere.
void world::add_clone(const fault& f) {
  auto copy = machines_[f.who];
  if (!copy.stored_id)
    return;
  copy.where = {static_cast<std::uint16_t>(nodes_ + f.who % spare_hosts), next_port_++};
  copy.name = "clone-of-" + copy.name;
  copy.alias = copy.name;
  copy.running = nullptr;
  copy.clock_ahead = 0;
  machines_.push_back(std::move(copy));
  start(machines_.size() - 1);
}

/// A machine of ours and one of another cluster exchange their addresses.
void world::swap_clusters(const fault& f) {
  const auto rival = std::ranges::find(machines_, std::size_t{1}, &machine::cluster);
  const auto number = static_cast<std::size_t>(rival - machines_.begin());
  const auto ours = machines_[f.who].where;
  const auto theirs = rival->where;
  // Moving forgets who listened where it was, so both leave before either arrives.
  const auto limbo = address{hosts_max - 2, next_port_++};
  move(number, limbo);
  move(f.who, theirs);
  move(number, ours);
}

void world::strike_until(duration end) {
  if (time_.now() >= end)
    return;
  std::vector<address> victims;
  for (const auto& m : machines_)
    if (m.cluster == 0)
      victims.push_back(m.where);
  attacker_->strikes(victims);
  time_.after(milliseconds{100}, [this, end] { strike_until(end); });
}

// -- what cores want done --

void world::handled(process& p, const input& what) {
  if (log_.listens())
    tell_input(p, what);
  for (const auto& e : p.core.out().events)
    log_.note(an_event, static_cast<std::uint64_t>(e.kind));
  safety_.after(p, what);
  liveness_->after(p, what);
  if (tenant_ != nullptr)
    for (const auto& e : p.core.out().events)
      tenant_->hears(p, e);
  send_packets(p);
  for (const auto& name : p.core.out().lookups)
    look_up(p, name);
  for (const auto& c : p.core.out().calls)
    make_call(p, c);
  const auto has_left = [](const membership::event& e) {
    return e.kind == membership::event_kind::left_cluster;
  };
  if (p.leaves_for_good && std::ranges::any_of(p.core.out().events, has_left))
    time_.after(duration{1}, [this, &p] {
      if (machines_[p.born.machine].running == &p)
        stop(p.born.machine);
    });
  auto& m = machines_[p.born.machine];
  m.stored_id = p.core.self().id;
  m.stored_generation = std::max(m.stored_generation, p.core.self().status.at.generation);
}

void world::send_packets(process& p) {
  const auto& out = p.core.out();
  if (out.packets() == 0)
    return;
  const auto& self = p.core.self();
  const auto note = std::make_shared<const origin>(
      origin{.sender = p.born.number,
             .cluster = p.born.cluster,
             .sent = time_.now(),
             .id = self.id,
             .left = p.core.is_leaving() ? self.status.at.generation : 0});
  for (std::size_t i = 0; i < out.packets(); ++i) {
    const auto sent = out.packet_at(i);
    log_.note(a_packet, p.born.number, sent.bytes);
    safety_.sends(p, sent, time_.now());
    liveness_->sends(p, sent);
    const datagram d{.from = p.where,
                     .to = address_of(sent.to),
                     .bytes = std::make_shared<const std::string>(sent.bytes),
                     .number = ++packets_,
                     .spoiled = false,
                     .note = note};
    if (log_.listens())
      log_.tell(safety_.name(p) + " sends " + std::to_string(d.number) + " " +
                std::to_string(static_cast<int>(sketch(sent.bytes).kind)) + " to " +
                to_string(sent.to) + ", " + std::to_string(sent.bytes.size()) + " bytes");
    attacker_->sees(d);
    p.departs([this, d] { net_.send(d); });
  }
}

void world::deliver(const datagram& d) {
  log_.note(an_arrival, d.number);
  if (d.to == attacker::home)
    return attacker_->is_answered(d);
  auto* p = listener_at(d.to);
  if (p == nullptr)
    return;
  p->arrives(d, [this, p, d] {
    const input what{input_kind::datagram, &d};
    safety_.before(*p, what);
    liveness_->before(*p);
    p->core.receive(p->clock(), udp_of(d.from), *d.bytes);
  });
}

process* world::listener_at(address a) {
  const auto found = listeners_.find(a);
  return found == listeners_.end() ? nullptr : found->second;
}

std::optional<address> world::resolve(const std::string& name) const {
  if (const auto at = address_in(name))
    return at;
  if (time_.now() < seeds_out_until_)
    return std::nullopt;
  for (const auto& m : machines_)
    if (m.name == name || (m.alias == name && !seeds_are_gone_))
      return m.where;
  return std::nullopt;
}

std::vector<address> world::look_up(const std::string& name) const {
  std::vector<address> result;
  if (time_.now() < seeds_out_until_)
    return result;
  for (const auto& m : machines_)
    if (m.service == name && !seeds_are_gone_)
      result.push_back(m.where);
  if (!result.empty()) {
    // Records are left of what was there before, or are for something else.
    result.push_back(nobodys_address);
    for (const auto& m : machines_)
      if (m.service != name)
        result.push_back(m.where);
  } else if (const auto one = resolve(name)) {
    result.push_back(*one);
  }
  return result;
}

void world::look_up(process& p, const std::string& name) {
  time_.after(look_up_time, [this, &p, name] {
    p.happens({input_kind::command, nullptr}, [this, &p, name] {
      safety_.before(p, {});
      std::vector<std::string> all;
      for (const auto& one : look_up(name))
        all.push_back(text_of(one));
      if (all.empty())
        p.core.not_found(p.clock(), name, "no such name");
      else
        p.core.found(p.clock(), name, std::move(all));
    });
  });
}

void world::make_call(process& p, const membership::call& c) {
  log_.note(a_call, p.born.number, c.content);
  if (log_.listens())
    log_.tell(safety_.name(p) + " calls " + c.address + " for " + std::string{to_string(c.kind)});
  p.calls.emplace(c.token, c.kind);
  time_.after(call_timeout, [this, &p, token = c.token] { end_call(p, token, std::nullopt); });
  p.departs([this, &p, c] {
    const auto to = resolve(c.address);
    if (!to) {
      time_.after(look_up_time, [this, &p, token = c.token] { end_call(p, token, std::nullopt); });
      return;
    }
    net_.send_stream(p.where, *to, [this, &p, c, to] {
      // Nobody there, or somebody who does not know the key.
      auto* asked = listener_at(*to);
      if (asked == nullptr || asked->born.cluster != p.born.cluster) {
        net_.send_stream(*to, p.where,
                         [this, &p, token = c.token] { end_call(p, token, std::nullopt); });
        return;
      }
      asked->arrives(input{input_kind::request, nullptr},
                     [this, &p, c, asked] { answer_call(p, c, *asked); });
    });
  });
}

void world::answer_call(process& p, const membership::call& c, process& asked) {
  safety_.before(asked, {});
  auto content = asked.answer(c.kind, c.content);
  log_.note(an_answer, asked.born.number, content.value_or(""));
  if (content && !wire::is_challenge(*content))
    attacker_->sees(recorded_call{asked.where, c.kind, c.content});
  asked.departs([this, &p, &asked, token = c.token, content = std::move(content)] {
    net_.send_stream(asked.where, p.where,
                     [this, &p, token, content] { end_call(p, token, content); });
  });
}

/// A call that was taken in before, once more.
void world::call_again(const recorded_call& c) {
  auto* asked = listener_at(c.to);
  if (asked == nullptr)
    return;
  asked->arrives(input{input_kind::request, nullptr}, [this, c, asked] {
    safety_.before(*asked, {});
    const auto before = asked->core.table().digest();
    const auto answer = asked->answer(c.kind, c.content);
    if ((answer && !wire::is_challenge(*answer)) || asked->core.table().digest() != before)
      log_.complain("S9", safety_.name(*asked), "takes a call that was made before");
    log_.weigh("S9");
  });
}

/// The answer arrives, or it is clear that there will be none.
void world::end_call(process& p, std::uint64_t token, std::optional<std::string> content) {
  if (!p.calls.contains(token))
    return;
  const auto handle = [this, &p, token, content] {
    safety_.before(p, {});
    const auto found = p.calls.find(token);
    if (found == p.calls.end()) { // both were on their way
      p.core.call_failed(p.clock(), token);
      return;
    }
    const auto kind = found->second;
    p.calls.erase(found);
    if (!content)
      return p.core.call_failed(p.clock(), token);
    liveness_->is_answered(p, kind);
    if (const auto bad = p.core.call_answered(p.clock(), token, *content))
      log_.complain("S10", safety_.name(p),
                    "cannot read what its peer answered: " + std::string{bad->what});
  };
  const input what{input_kind::answer, nullptr};
  if (content)
    p.arrives(what, handle);
  else
    p.happens(what, handle);
}

void world::tell_input(const process& p, const input& what) {
  const auto& out = p.core.out();
  if (what.packet != nullptr)
    log_.tell(safety_.name(p) + " handles " + std::to_string(what.packet->number) + " from " +
              to_string(udp_of(what.packet->from)) + (what.packet->spoiled ? ", spoiled" : ""));
  for (const auto& e : out.events)
    log_.tell(safety_.name(p) + " EVENT " + std::string{to_string(e.kind)} + " " +
              short_text(e.who.id) + " " + std::string{to_string(e.who.status.is)} + "@" +
              to_string(e.who.status.at) + (e.own_verdict ? ", its own verdict" : ""));
}

} // namespace starling::simulation
