;;; sock-python.el --- Run Python in a kept session  -*- lexical-binding: t; -*-

;; Sends the buffer or the region to a session and shows what comes back, while it comes.
;;
;;     (load "sock-python")
;;     (setq sock-python-socket "/path/to/session.sock")
;;     M-x sock-python-send-buffer, sock-python-send-region, sock-python-interrupt
;;
;; Needs Emacs 27 for its own JSON.

;;; Code:

(require 'json)

(defvar sock-python-socket "session.sock"
  "Path of the session's UNIX socket.")

(defvar sock-python-done-functions nil
  "Functions called with the `done' event of each run, a hash table.")

(defvar sock-python--process nil)
(defvar sock-python--id 0)
(defvar sock-python--partial "")

(defun sock-python-send-buffer ()
  "Run the whole buffer."
  (interactive)
  (sock-python-send-region (point-min) (point-max)))

(defun sock-python-send-region (start end)
  "Run the text from START to END; tracebacks name the file and its true lines."
  (interactive "r")
  (sock-python--send
   `((op . "run")
     (code . ,(buffer-substring-no-properties start end))
     (line . ,(line-number-at-pos start t))
     ,@(and buffer-file-name `((name . ,buffer-file-name))))))

(defun sock-python-interrupt ()
  "Break what runs."
  (interactive)
  (sock-python--send '((op . "interrupt"))))

(defun sock-python--send (request)
  "Send REQUEST, an alist, over the one connection that is kept."
  (unless (process-live-p sock-python--process)
    (setq sock-python--partial "")
    (setq sock-python--process
          (make-network-process :name "sock-python" :family 'local
                                :service (expand-file-name sock-python-socket)
                                :coding 'utf-8-unix :noquery t
                                :filter #'sock-python--on-output)))
  (setq sock-python--id (1+ sock-python--id))
  (process-send-string sock-python--process
                       (concat (json-serialize `((id . ,sock-python--id) ,@request)) "\n")))

(defun sock-python--on-output (_process text)
  "Take TEXT, which may end within a line."
  (let ((lines (split-string (concat sock-python--partial text) "\n")))
    (setq sock-python--partial (car (last lines)))
    (dolist (line (butlast lines))
      (sock-python--on-message (json-parse-string line)))))

(defun sock-python--on-message (message)
  "Show MESSAGE, a hash table: an event, an error or a reply."
  (let ((event (gethash "event" message))
        (error-body (gethash "error" message)))
    (cond
     (error-body
      (sock-python--show (format "%s: %s\n" (gethash "code" error-body) (gethash "message" error-body))))
     ((member event '("stdout" "stderr"))
      ;; Bytes that are not UTF-8 come as {"$bytes": base64}.
      (let ((text (gethash "text" message)))
        (sock-python--show (if (stringp text) text "(bytes)"))))
     ((equal event "get")
      (sock-python--show (concat (gethash "text" message) "\n")))
     ((equal event "done")
      (let ((exception (gethash "exception" message)))
        (when exception (sock-python--show (gethash "traceback" exception))))
      (sock-python--show (format "-- run %s: %s\n" (gethash "run" message) (gethash "status" message)))
      (run-hook-with-args 'sock-python-done-functions message)))))

(defun sock-python--show (text)
  "Append TEXT to the output buffer."
  (with-current-buffer (get-buffer-create "*sock-python*")
    (save-excursion
      (goto-char (point-max))
      (insert text))
    (display-buffer (current-buffer))))

(provide 'sock-python)
;;; sock-python.el ends here
