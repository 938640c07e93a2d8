// jq_child.cc — the only file that knows libjq. After fork() there is one thread, and glibc keeps
// malloc usable; nothing else of the parent is touched, and the process leaves by _exit, so that no
// destructor of the parent's runs twice.
#include "mapping/jq_child.h"

#include <fcntl.h>
#include <fmt/format.h>
extern "C" {
#include <jq.h>
}
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/c_handle.h"

namespace rehome {
namespace {

constexpr int kSocket = 3;  // 0, 1 and 2 are /dev/null

/// Bytes of address space in use now.
std::size_t AddressSpace() {
  std::array<char, 64> text{};
  const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  const ssize_t bytes = fd >= 0 ? read(fd, text.data(), text.size()) : 0;
  if (fd >= 0) {
    close(fd);
  }
  std::size_t pages = 0;
  std::from_chars(text.data(), text.data() + (bytes > 0 ? bytes : 0), pages);
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// No environment (libjq reads $HOME/.jq), no files, no core dump, no signal but those that end it.
void ShutIn(int fd, const JqLimits& limits) {
  clearenv();  // NOLINT(concurrency-mt-unsafe): the child has one thread
  const int null = open("/dev/null", O_RDWR);
  // `fd` first moves out of the way of 0 to 3.
  const int socket = fcntl(fd, F_DUPFD, kSocket + 1);
  for (int standard = 0; standard < kSocket; ++standard) {
    dup2(null, standard);
  }
  dup2(socket, kSocket);
  close_range(kSocket + 1, ~0U, 0);

  sigset_t none;
  sigemptyset(&none);
  for (const int fatal : {SIGPROF, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    static_cast<void>(signal(fatal, SIG_DFL));
  }
  for (const int ignored : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    static_cast<void>(signal(ignored, SIG_IGN));  // the parent finishes its batch
  }
  sigprocmask(SIG_SETMASK, &none, nullptr);  // NOLINT(concurrency-mt-unsafe): likewise

  const rlim_t space = AddressSpace() + limits.memory_bytes;
  const rlimit memory{space, space};
  const rlimit nothing{0, 0};
  setrlimit(RLIMIT_AS, &memory);
  setrlimit(RLIMIT_CORE, &nothing);
}

/// The kernel ends the process when this much CPU time is used; 0 stops the timer.
void SetTimer(int cpu_milliseconds) {
  const itimerval timer{{0, 0}, {cpu_milliseconds / 1000, cpu_milliseconds % 1000 * 1000L}};
  setitimer(ITIMER_PROF, &timer, nullptr);
}

void Answer(char status, std::string_view text) {
  std::string bytes(1, status);
  AppendJqNumber(bytes, static_cast<std::uint32_t>(text.size()));
  bytes += text;
  if (!SendJqBytes(kSocket, bytes)) {
    _exit(0);
  }
}

bool ReadAll(void* into, std::size_t bytes) {
  auto* at = static_cast<char*>(into);
  while (bytes > 0) {
    const ssize_t got = recv(kSocket, at, bytes, 0);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return false;
    }
    at += got;
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

/// Takes `value`.
std::string Dump(jv value) {
  jv text = jv_get_kind(value) == JV_KIND_STRING ? value : jv_dump_string(value, 0);
  std::string out(jv_string_value(text),
                  static_cast<std::size_t>(jv_string_length_bytes(jv_copy(text))));
  jv_free(text);
  return out;
}

/// Extended JSON of `value` (borrowed); false for a number that is none (NaN, infinity).
bool WriteJson(jv value, std::string& out);

void WriteQuoted(jv text, std::string& out) {
  out += Dump(jv_dump_string(jv_copy(text), 0));
}

bool WriteNumber(double number, std::string& out) {
  constexpr double kInt64End = 9223372036854775808.0;
  if (!std::isfinite(number)) {
    return false;
  }
  if (number == std::trunc(number) && number >= -kInt64End && number < kInt64End) {
    out += std::to_string(static_cast<std::int64_t>(number));
    return true;
  }
  const std::string text = fmt::format("{}", number);
  out += text;
  if (text.find_first_of(".e") == std::string::npos) {
    out += ".0";
  }
  return true;
}

bool WriteArray(jv array, std::string& out) {
  out += '[';
  const int count = jv_array_length(jv_copy(array));
  for (int i = 0; i < count; ++i) {
    out += i == 0 ? "" : ",";
    jv element = jv_array_get(jv_copy(array), i);
    const bool written = WriteJson(element, out);
    jv_free(element);
    if (!written) {
      return false;
    }
  }
  out += ']';
  return true;
}

/// Keys in byte order: the order of libjq's hash table is its own affair.
bool WriteObject(jv object, std::string& out) {
  out += '{';
  jv keys = jv_keys(jv_copy(object));
  const int count = jv_array_length(jv_copy(keys));
  bool written = true;
  for (int i = 0; i < count && written; ++i) {
    out += i == 0 ? "" : ",";
    jv key = jv_array_get(jv_copy(keys), i);
    WriteQuoted(key, out);
    out += ':';
    jv value = jv_object_get(jv_copy(object), key);  // takes `key`
    written = WriteJson(value, out);
    jv_free(value);
  }
  jv_free(keys);
  out += '}';
  return written;
}

bool WriteJson(jv value, std::string& out) {
  switch (jv_get_kind(value)) {
    case JV_KIND_NULL:
      out += "null";
      return true;
    case JV_KIND_TRUE:
      out += "true";
      return true;
    case JV_KIND_FALSE:
      out += "false";
      return true;
    case JV_KIND_NUMBER:
      return WriteNumber(jv_number_value(value), out);
    case JV_KIND_STRING:
      WriteQuoted(value, out);
      return true;
    case JV_KIND_ARRAY:
      return WriteArray(value, out);
    case JV_KIND_OBJECT:
      return WriteObject(value, out);
    case JV_KIND_INVALID:
      return false;
  }
  return false;
}

/// libjq tells compile errors one by one, the last one being a count.
void OnError(void* context, jv message) {
  auto& first = *static_cast<std::string*>(context);
  std::string text = Dump(jq_format_error(message));
  if (first.empty()) {
    first = text.substr(0, text.find('\n'));
  }
}

void Teardown(jq_state* state) {
  jq_teardown(&state);
}
using JqState = CHandle<jq_state, Teardown>;

JqState CompileOne(const std::string& program) {
  JqState state(jq_init());
  std::string error;
  if (state) {
    jq_set_error_cb(state.get(), OnError, &error);
    if (jq_compile(state.get(), program.c_str()) != 0) {
      jq_set_error_cb(state.get(), nullptr, nullptr);
      return state;
    }
  }
  Answer(kJqFailed, fmt::format("the jq program `{}` does not compile: {}", program, error));
  _exit(0);
}

/// Takes `end`, the value that jq_next() ends with: an error's message or nothing.
std::string ErrorOf(jv end) {
  jv message = jv_invalid_get_msg(end);
  return jv_get_kind(message) == JV_KIND_NULL ? (jv_free(message), std::string()) : Dump(message);
}

constexpr std::string_view kUnreadable = "jq cannot read the document: ";
constexpr std::string_view kNotFinite = "the jq program's result holds NaN or an infinite number";

jv Parse(std::string_view json) {
  return jv_parse_sized(json.data(), static_cast<int>(json.size()));
}

void RunOnce(jq_state* state, const std::string& json, const JqLimits& limits) {
  jv input = Parse(json);
  if (jv_is_valid(input) == 0) {
    Answer(kJqFailed, fmt::format("{}{}", kUnreadable, ErrorOf(input)));
    return;
  }
  jq_start(state, input, 0);
  jv first = jq_next(state);
  if (jv_is_valid(first) == 0) {
    const std::string error = ErrorOf(first);
    Answer(kJqFailed,
           error.empty() ? "the jq program gave no result" : "the jq program failed: " + error);
    return;
  }
  std::string out;
  const bool written = WriteJson(first, out);
  jv_free(first);
  jv second = jq_next(state);
  const bool several = jv_is_valid(second) != 0;
  const std::string error = several ? (jv_free(second), std::string()) : ErrorOf(second);
  if (!error.empty()) {
    Answer(kJqFailed, "the jq program failed: " + error);
  } else if (several) {
    Answer(kJqFailed, "the jq program gave more than one result");
  } else if (!written) {
    Answer(kJqFailed, kNotFinite);
  } else if (out.size() > limits.result_bytes) {
    Answer(kJqFailed, fmt::format("the jq program's result has {} bytes, more than a document may",
                                  out.size()));
  } else {
    Answer(kJqOk, out);
  }
}

}  // namespace

void AppendJqNumber(std::string& out, std::uint32_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

bool SendJqBytes(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

Result<std::string> ThroughJq(std::string_view json) {
  jv value = Parse(json);
  if (jv_is_valid(value) == 0) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}{}", kUnreadable, ErrorOf(value)));
  }
  std::string out;
  const bool written = WriteJson(value, out);
  jv_free(value);
  return written ? Result<std::string>(std::move(out))
                 : Fail(ErrorCode::kInvalidArgument, std::string(kNotFinite));
}

void RunJqChild(int fd, const std::vector<std::string>& programs, const JqLimits& limits) noexcept {
  ShutIn(fd, limits);
  SetTimer(limits.compile_milliseconds);
  std::vector<JqState> states;
  for (const std::string& program : programs) {
    states.push_back(CompileOne(program));
  }
  SetTimer(0);
  Answer(kJqOk, {});
  std::array<std::uint32_t, 2> head{};
  std::string json;
  while (ReadAll(head.data(), sizeof(head))) {
    json.resize(head[1]);
    if (head[0] >= states.size() || !ReadAll(json.data(), json.size())) {
      break;
    }
    SetTimer(limits.cpu_milliseconds);
    RunOnce(states[head[0]].get(), json, limits);
    SetTimer(0);
  }
  _exit(0);
}

}  // namespace rehome
