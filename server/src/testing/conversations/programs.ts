/** Scripts and functions among other clients: what is cached, killed, refused, paused, shown. */

import type { Conversation } from "../conversation.ts";

const LIBRARY = String.raw`#!lua·name=lib\nredis.register_function('set',function(k,a)·return·redis.call('set',k[1],a[1])·end)\nredis.register_function{function_name='get',callback=function(k)·return·redis.call('get',k[1])·end,flags={'no-writes'},description='reads'}`;

export const PROGRAMS: readonly Conversation[] = [
  {
    title: "scripts are known by their digest to all clients",
    lines: String.raw`
      a SCRIPT FLUSH | a SCRIPT LOAD return·1 | b EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
      b EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0 | b EVALSHA x 0
      a SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db x | a SCRIPT FLUSH SYNC
      a SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db | b EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
      a EVAL return·1 0 | b EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 | a SCRIPT FLUSH ASYNC
      a SCRIPT FLUSH FOO | a SCRIPT FLUSH SYNC ASYNC | a SCRIPT EXISTS | a SCRIPT LOAD | a SCRIPT LOAD return·(
      a SCRIPT FOO | a SCRIPT KILL | a SCRIPT KILL x | a SCRIPT DEBUG NO | a SCRIPT DEBUG FOO | a EVAL return·1
      a EVAL return·1 -1 | a EVAL return·1 1 | a EVAL return·1 x | a EVAL return·{KEYS[1],ARGV[1]} 1 k v
      a EVAL return·redis.error_reply('A·b') 0 | a EVAL return·redis.status_reply('FINE') 0
      a EVAL return·{err='x·y'} 0 | a EVAL error('x') 0 | a EVAL error({err='MY·own'}) 0
      a EVAL return·redis.call('foo') 0 | a EVAL return·redis.call('get') 0 | a EVAL return·redis.call() 0
      a EVAL return·redis.call('lpush','k',{}) 0 | a EVAL return·redis.pcall('get') 0
      a EVAL return·redis.pcall('lpush',KEYS[1],'1').err 1 k | a SET s v
      a EVAL return·redis.pcall('lpush',KEYS[1],'1')['err'] 1 s | a EVAL x=1 0 | a EVAL return·nosuch 0
      a EVAL return·{1,2.7,'x',false,true,{3}} 0 | a EVAL return·{1,nil,3} 0 | a EVAL return·redis.sha1hex('') 0
      a EVAL return·redis.setresp(4) 0 | a EVAL redis.setresp(3);return·redis.call('hgetall',KEYS[1]) 1 none
      b HELLO 3 | b EVAL return·{double=1.5} 0 | b EVAL return·{map={a=1}} 0
      b EVAL redis.setresp(3);return·redis.call('get','none') 0 | b EVAL return·{set={a=true}} 0
      b EVAL return·{big_number='123'} 0 | b EVAL return·{verbatim_string={format='txt',string='x'}} 0
      b EVAL return·true 0 | b EVAL return·false 0
      a EVAL redis.call('select',1);return·redis.call('set',KEYS[1],1) 1 k | a GET k | a SELECT 1 | a GET k
      a EVAL return·redis.replicate_commands() 0 | a EVAL return·redis.set_repl(redis.REPL_ALL) 0
      a EVAL return·redis.log(redis.LOG_DEBUG,'x') 0 | a EVAL return·redis.log(9,'x') 0
      a EVAL return·redis.breakpoint() 0 | a EVAL return·redis.debug('x') 0
      a EVAL return·redis.acl_check_cmd('get','k') 0 | a EVAL return·redis.acl_check_cmd('nosuch') 0
      a EVAL return·tostring(redis.REDIS_VERSION_NUM>0) 0 | a EVAL_RO return·redis.call('set','k','1') 0
      a EVAL_RO return·redis.call('get',KEYS[1]) 1 k | a EVAL #!lua·flags=no-writes\nreturn·redis.call('set','k',1) 0
      a EVAL #!foo\nreturn·1 0 | a EVAL #!lua·foo=1\nreturn·1 0 | a EVAL #!lua·flags=foo\nreturn·1 0 | a EVAL #!lua 0
      a EVAL #!lua\nreturn·1 0 | a EVAL return·redis.call('eval','return·1','0') 0
      a EVAL return·redis.call('blpop','none','0') 0 | a EVAL return·redis.call('multi') 0
      a SADD set b aa a z | a EVAL return·redis.call('sort',KEYS[1],'by','_') 1 set | a DEL set
      a EVAL return·redis.call('auth','x') 0 | a EVAL return·type(getmetatable(_G).__index) 0
      a EVAL getmetatable(_G).__index=nil 0 | a EVAL return·#getmetatable(_G) 0 | a EVAL table.insert(_G,1) 0
      a EVAL table.insert(redis,1,1) 0 | a EVAL table.insert({}) 0 | a EVAL table.insert(1,1) 0
      a EVAL table.insert({},'x',1) 0 | a EVAL table.insert({},1,2,3) 0
      a EVAL local·t={1,2}·table.insert(t,3)·table.insert(t,1,0)·table.insert(t,'2',9)·return·t 0
      a EVAL return·redis.acl_check_cmd({}) 0 | a EVAL return·redis.acl_check_cmd('config') 0
    `,
  },
  {
    title: "commands that scripts may not call, but in tests, and replies that only those have",
    lines: `
      b HELLO 3 | b EVAL return·redis.call('debug','protocol','double') 0 | a DEBUG SET-DISABLE-DENY-SCRIPTS 1
      b EVAL redis.setresp(3);return·redis.call('debug','protocol','attrib') 0
      b EVAL redis.setresp(3);return·redis.call('debug','protocol','bignum') 0
      b EVAL redis.setresp(3);return·redis.call('debug','protocol','double') 0
      b EVAL redis.setresp(3);return·redis.call('debug','protocol','null') 0
      b EVAL redis.setresp(3);return·redis.call('debug','protocol','verbatim') 0
      b EVAL redis.setresp(3);return·redis.call('debug','protocol','true') 0
      b EVAL redis.setresp(3);return·redis.call('debug','protocol','false') 0
      b EVAL return·redis.call('debug','protocol','attrib') 0 | b EVAL return·redis.call('debug','protocol','double') 0
      b EVAL return·redis.call('config','get','hz') 0 | a DEBUG SET-DISABLE-DENY-SCRIPTS 0
      b EVAL return·redis.call('config','get','hz') 0 | a DEBUG SET-DISABLE-DENY-SCRIPTS
    `,
  },
  {
    title: "functions, in every subcommand",
    lines: String.raw`
      a FUNCTION LOAD ${LIBRARY} | a FUNCTION LOAD ${LIBRARY} | a FUNCTION LOAD REPLACE ${LIBRARY} | b FCALL set 1 k v
      b FCALL get 1 k | b FCALL_RO get 1 k | b FCALL GET 1 k | b FCALL_RO Get 1 k
      b FUNCTION LOAD #!lua·name=LIB\nredis.register_function('SET',function()·end) | b FCALL_RO set 1 k v | b FCALL nosuch 0 | b FCALL get | b FCALL get x
      b FCALL get 2 k | b FCALL get -1 | b FUNCTION LIST LIBRARYNAME x* | b FUNCTION LIST FOO
      b FUNCTION LIST LIBRARYNAME | b FUNCTION LIST WITHCODE WITHCODE | b FUNCTION STATS | b FUNCTION KILL
      b FUNCTION DELETE nosuch | b HELLO 3 | b FUNCTION STATS | b FUNCTION DELETE lib | b FCALL get 1 k
      b FUNCTION LIST | b FUNCTION FLUSH | b FUNCTION FLUSH FOO | b FUNCTION FLUSH SYNC | b FUNCTION FLUSH ASYNC
      b FUNCTION DUMP | b FUNCTION RESTORE x | b FUNCTION RESTORE x FOO | b FUNCTION LOAD x
      b FUNCTION LOAD #!lua\nreturn·1 | b FUNCTION LOAD #!lua·name=a·b\nreturn·1
      b FUNCTION LOAD #!lua·name=a\nreturn·1 | b FUNCTION LOAD #!foo·name=a\nreturn·1
      b FUNCTION LOAD #!lua·name=a\nerror('x') | b FUNCTION LOAD FOO x
      b FUNCTION LOAD #!lua·name=a\nredis.call('get','k') | b FUNCTION LOAD #!lua·name=a\nredis.register_function('f')
      b FUNCTION LOAD #!lua·name=a\nredis.register_function('f·g',function()·end) | b FUNCTION FOO | b FUNCTION
      b FUNCTION LIST LIBRARYNAME a LIBRARYNAME b
      b FUNCTION LOAD #!lua·name=a\nredis.register_function{function_name='f',callback=function()·end,flags={'foo'}}
      b FUNCTION LOAD #!lua·name=a\nlocal·x=1·redis.register_function('f',function()·x=x+1·return·x·end) | a FCALL f 0
      b FCALL f 0 | a FUNCTION FLUSH
    `,
  },
  {
    title: "a script that does not end: others hear BUSY, and SCRIPT KILL ends it",
    directives: ["--busy-reply-threshold", "50"],
    lines: String.raw`
      b! | a! EVAL while·true·do·end 0 | b? GET k | b? PING | b? FUNCTION KILL | b? MULTI | b? SET k 1 | b? EXEC
      b? SCRIPT KILL | a?1 | b? EXEC | b GET k | b SCRIPT KILL
      b FUNCTION LOAD #!lua·name=l\nredis.register_function('f',function()·while·true·do·end·end) | b! | a! FCALL f 0
      b? GET k | b? SCRIPT KILL | b? FUNCTION KILL | a?1 | b GET k
    `,
  },
  {
    title: "programs on a replica without its primary, without replicas, and beyond the memory limit",
    lines: String.raw`
      a FUNCTION LOAD REPLACE ${LIBRARY} | a CONFIG SET min-replicas-to-write 1 | a EVAL #!lua\nreturn·1 0
      a FCALL set 1 k v | a FCALL get 1 k | a EVAL return·redis.call('set','k',1) 0
      a EVAL #!lua·flags=no-writes\nreturn·1 0 | a CONFIG SET min-replicas-to-write 0 | a CONFIG SET maxmemory 1
      a EVAL #!lua\nreturn·1 0 | a FCALL set 1 k v | a FCALL get 1 k | a FCALL_RO set 1 k v
      a EVAL_RO #!lua\nreturn·1 0 | a EVAL_RO return·1 0 | a EVAL return·redis.call('set','k',1) 0
      a CONFIG SET maxmemory 0 | a REPLICAOF 127.0.0.1 1 | a EVAL #!lua\nreturn·1 0
      a EVAL #!lua·flags=no-writes\nreturn·1 0 | a FCALL set 1 k v | a FCALL get 1 k | a FCALL_RO set 1 k v
      a EVAL return·redis.call('set','k',1) 0 | a EVAL return·1 0 | a FUNCTION FLUSH
      a? CONFIG SET replica-serve-stale-data no | a? EVAL #!lua\nreturn·1 0
      a? EVAL #!lua·flags=no-writes\nreturn·1 0 | a? EVAL #!lua·flags=no-writes,allow-stale\nreturn·1 0
      a? EVAL return·1 0 | a? FCALL get 1 k | a? GET k
      a? EVAL #!lua·flags=no-writes,allow-stale\nreturn·redis.call('get','k') 0
      a CONFIG SET replica-serve-stale-data yes | a REPLICAOF NO ONE | a FUNCTION FLUSH
    `,
  },
  {
    title: "a pause of writes lets scripts pass that promise to write nothing, in a transaction too",
    masks: [[/(INFO clients\n)?.*\r\n(blocked_clients:\d+\r\n).*/s, "$2"]],
    lines: String.raw`
      a CLIENT PAUSE 100000 WRITE | b? MULTI | b? EVAL #!lua·flags=no-writes\nreturn·1 0 | b? EVAL_RO return·2 0 | b EXEC
      b? MULTI | b? GET k | b& EVAL return·1 0 | a INFO clients | a CLIENT UNPAUSE | b?1 | b? GET k | a CLIENT PAUSE 100000 WRITE
      b& EXEC | c& SET k 1 | a INFO clients | a CLIENT UNPAUSE | b?1 | c?1 | a INFO clients
      a FUNCTION LOAD REPLACE ${LIBRARY} | a SCRIPT LOAD #!lua·flags=no-writes\nreturn·1 | a CLIENT PAUSE 100000 WRITE
      b EVAL #!lua·flags=no-writes\nreturn·1 0 | b FCALL get 1 k | b FCALL_RO get 1 k | b EVAL_RO return·1 0
      b& FCALL set 1 k v | c& EVAL return·1 0 | d& EVAL #!lua\nreturn·1 0 | a CLIENT UNPAUSE | b?1 | c?1 | d?1
      a GET k | a FUNCTION FLUSH
    `,
  },
];
