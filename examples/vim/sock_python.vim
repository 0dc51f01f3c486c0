" Sends lines of a buffer to a session and shows what comes back, while it comes, in a window of its own.
"
"     :source sock_python.vim
"     :let g:sock_python_socket = '/path/to/session.sock'   (default: session.sock in the working directory)
"     :SockPython           the whole buffer
"     :'<,'>SockPython      the selected lines; tracebacks name the file and its true line numbers
"     :SockPythonInterrupt  breaks what runs
"
" Needs Vim 9 with +channel: it dials UNIX sockets, and reads lines ('nl' mode) without blocking the editor.

let s:channel = v:null
let s:last_id = 0

command! -range=% SockPython call s:Run(<line1>, <line2>)
command! SockPythonInterrupt call s:Send(#{op: 'interrupt'})

function s:Run(first, last) abort
  let request = #{op: 'run', code: join(getline(a:first, a:last), "\n"), line: a:first}
  if expand('%') != ''
    let request.name = expand('%:p')
  endif
  call s:Send(request)
endfunction

" One connection is kept for all runs; the server answers each under the id that it came with.
function s:Send(request) abort
  if s:channel is v:null || ch_status(s:channel) != 'open'
    let socket = fnamemodify(get(g:, 'sock_python_socket', 'session.sock'), ':p')
    let s:channel = ch_open('unix:' .. socket, #{mode: 'nl', callback: function('s:OnLine')})
    if ch_status(s:channel) != 'open'
      echohl ErrorMsg | echomsg 'sock-python: nothing answers at ' .. socket | echohl None
      return
    endif
  endif
  let s:last_id += 1
  call ch_sendraw(s:channel, json_encode(extend(#{id: s:last_id}, a:request)) .. "\n")
endfunction

function s:OnLine(channel, line) abort
  let message = json_decode(a:line)
  if has_key(message, 'error')
    call s:Show(message.error.code .. ': ' .. message.error.message .. "\n")
  elseif !has_key(message, 'event')
    if type(message.reply) == v:t_dict && has_key(message.reply, 'outcome')
      echomsg 'sock-python: ' .. message.reply.outcome
    endif
  elseif message.event ==# 'get'
    call s:Show(message.text .. "\n")
  elseif message.event ==# 'stdout' || message.event ==# 'stderr'
    " Bytes that are not UTF-8 come as {'$bytes': base64}.
    call s:Show(type(message.text) == v:t_string ? message.text : '(bytes)')
  elseif message.event ==# 'done'
    if has_key(message, 'exception')
      call s:Show(message.exception.traceback)
    elseif message.status !=# 'ok'
      call s:Show(message.status .. "\n")
    endif
    call s:Show('-- run ' .. message.run .. ': ' .. message.status .. ', ' .. float2nr(message.ms) .. " ms\n")
  endif
endfunction

" Appends text to the output buffer: its first piece goes to the end of the last line.
function s:Show(text) abort
  let output = bufadd('sock-python output')
  if !bufloaded(output)
    call bufload(output)
    call setbufvar(output, '&buftype', 'nofile')
    call setbufvar(output, '&swapfile', 0)
  endif
  if bufwinnr(output) < 0
    execute 'botright sbuffer' output
    wincmd p
  endif
  let pieces = split(a:text, "\n", 1)
  let last = getbufline(output, '$')[0]
  call setbufline(output, '$', [last .. pieces[0]] + pieces[1:])
  call win_execute(bufwinid(output), 'normal! G')
endfunction
